import * as assert from 'uvu/assert'
import type { AdvisoriesRead } from '../../src/composer/advisories.ts'
import { PackageName } from '../../src/composer/names.ts'
import { AppError } from '../../src/errors.ts'
import {
  createAdvisoriesOfOthers,
  type OfOthersOptions,
} from '../../src/private/answers/advisories-of-others.ts'
import { createClock } from '../support/clock.ts'
import { describe, rejection } from '../support/suite.ts'

const client = { key: 'address 192.0.2.1', hasToken: false }
const log = PackageName.parse('psr/log')
const { now } = createClock()

/** An outcome that a test brings about. */
function later<Outcome>() {
  const settle: {
    resolve: (outcome: Outcome) => void
    reject: (error: Error) => void
  } = { resolve: () => undefined, reject: () => undefined }
  const promise = new Promise<Outcome>((resolve, reject) =>
    Object.assign(settle, { resolve, reject }),
  )
  return {
    promise,
    resolve: (outcome: Outcome) => settle.resolve(outcome),
    reject: (error: Error) => settle.reject(error),
  }
}

function answering(options: Partial<OfOthersOptions>) {
  const kept: unknown[] = []
  const advisoriesOf = createAdvisoriesOfOthers({
    askAdvisories: async () => undefined,
    allowance: { take: async () => ({ giveBack: () => undefined }) },
    keep: async ({ byName }) => void kept.push(...byName.keys()),
    known: async () => new Map(),
    fromDocuments: async () => new Map(),
    host: 'packagist.example',
    now,
    wait: async () => undefined,
    ...options,
  })
  return { kept, about: async () => await advisoriesOf([log], client) }
}

describe(
  'advisories of an upstream that is slow',
  async () => ({}),
  (test) => {
    test('are those that are known, and its own once it has told them', async () => {
      const upstream = later<AdvisoriesRead>()
      const { about, kept } = answering({
        askAdvisories: async () => await upstream.promise,
        known: async () => new Map([[log, { advisories: '[1]', at: now() }]]),
      })
      assert.equal((await about()).byName, new Map([[log, '[1]']]))
      assert.equal(kept, [])
      upstream.resolve({ byName: new Map([[log, '[2]']]), notices: {} })
      await new Promise(setImmediate)
      assert.equal(kept, [log])
    })

    test('are waited for where nothing is known', async () => {
      const upstream = later<AdvisoriesRead>()
      const asked = later<undefined>()
      const { about } = answering({
        askAdvisories: async () => await upstream.promise,
        async known() {
          asked.resolve(undefined)
          return new Map()
        },
      })
      const answer = about()
      await asked.promise
      upstream.resolve({ byName: new Map([[log, '[2]']]), notices: {} })
      assert.equal(await answer, {
        byName: new Map([[log, '[2]']]),
        notices: {},
        staleSeconds: undefined,
      })
    })

    test('that fail later end nothing else', async () => {
      const upstream = later<AdvisoriesRead>()
      const { about } = answering({
        askAdvisories: async () => await upstream.promise,
        known: async () => new Map([[log, { advisories: '[]', at: now() }]]),
      })
      assert.is((await about()).staleSeconds, 0)
      upstream.reject(new Error('a bug'))
      await new Promise(setImmediate)
    })
  },
)

describe(
  'advisories that can’t be asked for',
  async () => ({}),
  (test) => {
    test('are an error with the cause and three names of which nothing is known', async () => {
      const askAdvisories = async () => {
        throw new AppError('upstream_unavailable', 'packagist.example timed out')
      }
      const advisoriesOf = createAdvisoriesOfOthers({
        askAdvisories,
        allowance: { take: async () => ({ giveBack: () => undefined }) },
        keep: async () => undefined,
        known: async () => new Map([[log, { advisories: '[]', at: now() }]]),
        fromDocuments: async () => new Map(),
        host: 'packagist.example',
        now,
      })
      const names = ['psr/log', 'a/a', 'a/b', 'a/c', 'a/d'].map((name) => PackageName.parse(name))
      const error = await rejection(advisoriesOf(names, client))
      assert.is((error as AppError).code, 'upstream_unavailable')
      assert.is(
        (error as AppError).message,
        'packagist.example timed out; nothing is known here about the advisories of a/a, a/b, a/c and 1 more',
      )
    })

    test('for another reason than upstream are that error', async () => {
      const { about } = answering({
        async askAdvisories() {
          throw new Error('a bug')
        },
        wait: async () => await later<undefined>().promise,
      })
      assert.is(((await rejection(about())) as Error).message, 'a bug')
    })
  },
)
