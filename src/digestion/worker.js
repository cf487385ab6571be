// Sources are run as they are, in a thread too: this has it read TypeScript.
import { register } from 'tsx/esm/api'

register({ tsconfig: false })
await import('./work.ts')
