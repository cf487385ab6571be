import * as assert from 'uvu/assert'
import { compactInstant } from '../../src/time-machine/instant.ts'
import { recordUnlooked } from '../support/former-release.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const path = '/p2/beta/text.json'

/** Clears the screen, rings, begins an escape sequence in one character, turns the direction, ends a line. */
const evil = '\u001B[2J\u0007Read\u009B31m \u202Ethis\u2066\u2028\r\n\u007F'
const fit = '[2JRead31m this'

async function withNotices({ upstream }: Service, url: string): Promise<string> {
  const document = (await (await fetch(upstream.url + url)).json()) as object
  const warnings = [
    { versions: '*', message: evil },
    { versions: 1, message: 'x' },
  ]
  return JSON.stringify({ ...document, warning: evil, info: 'Fit', warnings })
}

function check(body: Buffer): void {
  const { warning, info, warnings, packages } = JSON.parse(body.toString()) as Record<
    string,
    unknown
  >
  assert.equal(
    { warning, info, warnings },
    {
      warning: fit,
      info: 'Fit',
      warnings: [{ versions: '*', message: fit }],
    },
  )
  assert.type(packages, 'object')
}

describe('what Composer prints of an answer', startService, (test) => {
  test('is text without control characters, in documents', async (service) => {
    const { get, upstream } = service
    const body = await withNotices(service, path)
    const clear = upstream.fail({ match: /beta\/text\.json/, mode: 'own-words', body })
    const answer = await get(path)
    clear()
    assert.is(answer.statusCode, 200)
    check(answer.body)
  })

  test('is so in the root file', async (service) => {
    const { get, upstream, clock } = service
    const body = await withNotices(service, '/packages.json')
    const clear = upstream.fail({ match: /^\/packages\.json/, mode: 'own-words', body })
    clock.advance(4000)
    const answer = await get('/packages.json')
    clear()
    check(answer.body)
  })
})

describe('what a former release recorded', startService, (test) => {
  test('is printed without control characters, now and at a date', async (service) => {
    const { get, clock, restart } = service
    const body = await withNotices(service, path)
    await recordUnlooked(service, 'beta/text', body)
    clock.advance(60)
    await restart()
    check((await get(path)).body)
    check((await get(`/at/${compactInstant(clock.now())}${path}`)).body)
  })
})
