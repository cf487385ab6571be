import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseYaml } from '@redocly/openapi-core'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe, skipSuite } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const directory = path.join(import.meta.dirname, '../../docs/monitoring')
const read = (name: string): string => readFileSync(path.join(directory, name), 'utf8')

const Rules = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Almanac[A-Z]\w+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+m$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
})

const Target = z.object({ expr: z.string(), legendFormat: z.string() })
const Panel = z.object({
  id: z.int(),
  title: z.string().min(1),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  targets: z.array(Target).optional(),
})
const Dashboard = z.object({
  title: z.literal('Almanac'),
  schemaVersion: z.int(),
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
  panels: z.array(Panel),
})

const rules = Rules.parse(parseYaml(read('almanac.rules.yml'))).groups.flatMap(
  (group) => group.rules,
)
const { panels, templating } = Dashboard.parse(JSON.parse(read('almanac-dashboard.json')))
const targets = panels.flatMap((panel) => panel.targets ?? [])

interface Named {
  /** What has it: an alert, or a panel's expression. */
  readonly expression: string
  readonly metric: string
  readonly labels: readonly string[]
}

/** Words of the language that stand where a metric could. */
const words = new Set([
  'by',
  'without',
  'on',
  'ignoring',
  'and',
  'or',
  'unless',
  'bool',
  'offset',
  'le',
])

/** The metrics that an expression names, each with the labels that it is selected by. */
function metricsIn(expression: string): readonly Named[] {
  const withoutGroups = expression.replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, ' ')
  return [...withoutGroups.matchAll(/\b([a-z_]\w*)\b(?!\s*\()(?:\s*\{([^}]*)\})?(?:\[[^\]]*\])?/g)]
    .filter(([, name = '']) => !words.has(name))
    .map(([, metric = '', selector = '']) => ({
      expression,
      metric,
      labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }))
}

/** By what an expression groups, which have to be labels of every metric in it. */
function groupsIn(expression: string): readonly string[] {
  return [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  )
}

/** Prometheus itself has these of everything that it asks. */
const ofPrometheus = ['job', 'instance']
const scraped: ReadonlyMap<string, ReadonlySet<string>> = new Map([['up', new Set<string>()]])

/** Each metric of /metrics with its labels, after everything that makes one has happened. */
async function open() {
  const service = await startService()
  const { get, api } = service
  await get('/p2/acme/log.json')
  const { reference } = await distOf(service, 'acme/log', '2.0.0')
  await get(`/dist-proxy/acme/log/2.0.0.0/${reference}.zip`)
  await api('GET', '/api/v1/proxy/status', { token: 'wrong' })
  assert.is(
    (await api('POST', '/api/v1/proxy/purge', { json: { package: 'acme/log' } })).status,
    200,
  )
  const { body } = await get('/metrics')
  const metrics = new Map(scraped)
  for (const line of body.toString().split('\n')) {
    const [, name = '', labels = ''] = /^([a-z_]\w*)(?:\{(.*)\})? \S+$/.exec(line) ?? []
    const keys = [...labels.matchAll(/(\w+)="/g)].map(([, key = '']) => key)
    if (name !== '') metrics.set(name, new Set([...(metrics.get(name) ?? []), ...keys]))
  }
  return { metrics, close: service.close }
}

describe('docs/monitoring', open, (test) => {
  const expressions = [...rules, ...targets].map(({ expr }) => expr)

  test('names only metrics and labels that /metrics has', ({ metrics }) => {
    const named = expressions.flatMap(metricsIn)
    assert.ok(named.length > expressions.length)
    for (const { expression, metric, labels } of named) {
      const known = metrics.get(metric)
      assert.ok(known, `${metric} in ${expression}`)
      for (const label of [...labels, ...groupsIn(expression)]) {
        assert.ok(known?.has(label) || ofPrometheus.includes(label), `${label} in ${expression}`)
      }
    }
  })

  test('takes every metric of this job alone', () => {
    for (const { expression, labels } of expressions.flatMap(metricsIn)) {
      assert.ok(labels.includes('job'), expression)
    }
  })

  test('shows what it says: labels in texts are labels of the result', ({ metrics }) => {
    for (const { expr, annotations } of rules) {
      checkTexts(expr, annotations.summary + annotations.description, /\$labels\.(\w+)/g)
    }
    for (const { expr, legendFormat } of targets) checkTexts(expr, legendFormat, /\{\{(\w+)\}\}/g)

    function checkTexts(expression: string, text: string, pattern: RegExp): void {
      const groups = groupsIn(expression)
      const all = metricsIn(expression).flatMap(({ metric }) => [...(metrics.get(metric) ?? [])])
      const left = groups.length > 0 ? groups : [...all, ...ofPrometheus]
      for (const [, label = ''] of text.matchAll(pattern)) {
        assert.ok(left.includes(label), `${label} of ${expression}`)
      }
    }
  })

  test('has the metrics of this service in one panel at least', ({ metrics }) => {
    const shown = new Set(
      targets.flatMap(({ expr }) => metricsIn(expr)).map(({ metric }) => metric),
    )
    for (const metric of metrics.keys()) {
      if (/^(?:process|nodejs)_|_(?:sum|count)$/.test(metric)) continue
      assert.ok(shown.has(metric), metric)
    }
  })

  test('has no variable, name or place twice', () => {
    const variables = templating.list.map(({ name }) => name)
    assert.equal(variables, ['datasource', 'job'])
    for (const values of [
      rules.map(({ alert }) => alert),
      panels.map(({ id }) => id),
      panels.map(({ gridPos: { x, y } }) => `${x}, ${y}`),
    ]) {
      assert.is(new Set<string | number>(values).size, values.length)
    }
    assert.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24))
  })
})

if (spawnSync('promtool', ['--version']).error !== undefined) {
  skipSuite('docs/monitoring in promtool', 'there is no promtool (apt-get install prometheus)')
} else {
  describe(
    'docs/monitoring in promtool',
    async () => ({}),
    (test) => {
      test('every expression is one', () => {
        const made = temporaryDirectory('rules')
        const ofPanels = path.join(made, 'panels.json')
        const recorded = targets.map(({ expr }, number) => ({
          record: `panel:${number}`,
          // As Grafana fills them in.
          expr: expr.replaceAll('$job', 'almanac').replaceAll('$__rate_interval', '5m'),
        }))
        // JSON is YAML, too.
        writeFileSync(ofPanels, JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }))
        const files = [path.join(directory, 'almanac.rules.yml'), ofPanels]
        const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', ...files], {
          encoding: 'utf8',
        })
        assert.is(status, 0, stdout + stderr)
      })
    },
  )
}
