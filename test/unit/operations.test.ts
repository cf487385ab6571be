import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { alertCodes } from '../../src/alerts/codes.ts'
import { settingNames } from '../../src/config.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { describe } from '../support/suite.ts'

async function open() {
  const metrics = createMetrics([])
  const text = await metrics.text({
    database: { usedConnections: 0, waitingRequests: 0 },
    breakers: new Map(),
  })
  const metricNames = [...text.matchAll(/^# TYPE (\w+)/gm)].flatMap(([, name = '']) => name)
  const page = readFileSync(new URL('../../docs/OPERATIONS.md', import.meta.url), 'utf8')
  /** The names that the first column of its tables has. */
  const named = page
    .split('\n')
    .flatMap((line) => /^\| (`[^|]+) \|/.exec(line)?.[1] ?? [])
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
  return { page, metricNames, named: new Set(named) }
}

describe('docs/OPERATIONS.md', open, (test) => {
  test('has every setting', ({ named }) => {
    assert.equal(
      settingNames.filter((name) => !named.has(name) && !isRefused(name)),
      [],
    )
  })

  test('has every metric', ({ metricNames, named }) => {
    const own = metricNames.filter((name) => !/^(?:process|nodejs)_/.test(name))
    assert.ok(own.length > 10)
    assert.equal(
      own.filter((name) => !named.has(name)),
      [],
    )
  })

  test('has every alert, with what to do', ({ page }) => {
    const [, section = ''] = page.split('\n## Alerts\n')
    const rows = section.split('\n## ')[0]?.matchAll(/^\| `(\w+)` +\| (\w+) +\| (.+?) +\|$/gm)
    const documented = [...(rows ?? [])].map(([, code, severity, action]) => {
      return [code, { severity, action }]
    })
    assert.equal(Object.fromEntries(documented), alertCodes)
  })
})

/** Settings that only ever lead to a sentence at the start; a paragraph names them. */
function isRefused(name: string): boolean {
  return name === 'EVENTSTORE_URL'
}
