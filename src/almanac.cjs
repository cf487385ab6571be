#!/usr/bin/env node
'use strict'
// oxlint-disable-next-line import/no-unassigned-import -- it is run for what it does
require('./node-version.cjs')

// Sources are run as they are: this has Node read TypeScript, whatever directory it is called from and
// whatever tsconfig.json is there.
void import('tsx/esm/api').then(function (tsx) {
  tsx.register({ tsconfig: false })
  return import('./cli.ts')
})
