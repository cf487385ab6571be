#!/usr/bin/env node
// Sources are run as they are: this has Node read TypeScript, whatever directory it is called from and
// whatever tsconfig.json is there.
import { register } from 'tsx/esm/api'

register({ tsconfig: false })
await import('./cli.ts')
