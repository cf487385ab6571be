import { createHmac } from 'node:crypto'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { acknowledge, alertsOf, openAlert } from '../support/alerts.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'
import { type Receiver, startReceiver } from '../support/webhook.ts'

const text = '/p2/beta/text.json'
const hourSeconds = 3600
const secret = 'secret-of-the-webhook'

async function open() {
  const receiver = await startReceiver()
  const lines: string[] = []
  const service = await startService({
    settings: { ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: secret },
    onLogLine: (line) => lines.push(line),
    logLevel: 'trace',
  })
  await service.get(text)
  return {
    ...service,
    receiver,
    lines,
    async close() {
      await service.close()
      await receiver.close()
    },
  }
}

type Context = Service & { readonly receiver: Receiver; readonly lines: string[] }

/** Something that opens an alert of its own each time. */
async function moveTag({ upstream, clock, get }: Service, version = '1.0.1'): Promise<void> {
  upstream.moveTag('beta/text', version)
  clock.advance(hourSeconds)
  await get(text)
}

async function tell({ runJob }: Service): Promise<void> {
  await runJob('alert webhook')
}

const Told = z.strictObject({
  id: z.string(),
  transition: z.enum(['opened', 'resolved']),
  at: z.string(),
  alert: z.looseObject({
    id: z.string(),
    code: z.string(),
    subject: z.string(),
    state: z.string(),
  }),
})

function told({ receiver }: Context): readonly z.infer<typeof Told>[] {
  return receiver.received.map(({ body }) => Told.parse(JSON.parse(body)))
}

function transitions(context: Context): readonly string[] {
  return told(context).map(({ transition, alert }) => `${transition} ${alert.subject}`)
}

describe('the webhook of alerts', open, (test) => {
  test('is told once when an alert opens, and once when it is resolved', async (context) => {
    const { receiver, clock } = context
    await moveTag(context)
    await tell(context)
    await tell(context)
    assert.equal(transitions(context), ['opened beta/text 1.0.1'])
    const [request] = receiver.received
    assert.is(request?.method, 'POST')
    assert.is(request?.path, '/hook?key=s3cr3t-of-the-url')
    assert.is(request?.headers['content-type'], 'application/json')
    const alert = await openAlert(context, 'reference_moved')
    const [first] = told(context)
    assert.is(first?.id, `${alert.id}.opened`)
    assert.is(first?.alert.id, alert.id)
    assert.is(first?.alert['severity'], 'critical')
    assert.is(first?.alert['action'], alert.action)

    await moveTag(context)
    await tell(context)
    assert.is(receiver.received.length, 1, 'that it was seen again is no news')
    await acknowledge(context, alert)
    clock.advance(5)
    await tell(context)
    await tell(context)
    assert.equal(transitions(context), ['opened beta/text 1.0.1', 'resolved beta/text 1.0.1'])
    assert.is(told(context)[1]?.id, `${alert.id}.resolved`)
    assert.is(told(context)[1]?.alert.state, 'resolved')
  })

  test('gets a signature of the time and the body', ({ receiver, clock }) => {
    const request = receiver.received.at(-1)
    const [, time, digest] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request?.headers['x-almanac-signature'])) ?? []
    assert.is(Number(time), Math.floor(Date.parse(clock.now()) / 1000))
    const expected = createHmac('sha256', secret).update(`${time}.${request?.body}`).digest('hex')
    assert.is(digest, expected)
  })

  for (const how of [500, 404, 302, 'reset'] as const) {
    test(`that answers ${how} is told again after growing pauses, the same`, async (context) => {
      const { receiver, clock, restart } = context
      receiver.forget()
      receiver.answer(how)
      await moveTag(context, '1.0.2')
      await tell(context)
      for (const [tries, pauseSeconds] of [10, 20, 40].entries()) {
        clock.advance(pauseSeconds - 1)
        await tell(context)
        assert.is(receiver.received.length, tries + 1, `before ${pauseSeconds} s are over`)
        clock.advance(1)
        if (tries === 1) await restart()
        await tell(context)
        assert.is(receiver.received.length, tries + 2, `after ${pauseSeconds} s`)
      }
      receiver.answer(204)
      clock.advance(80)
      await tell(context)
      await tell(context)
      assert.is(receiver.received.length, 5)
      assert.equal(new Set(receiver.received.map(({ body }) => body)).size, 1)
      assert.equal(new Set(receiver.received.map(({ path }) => path.split('?')[0])).size, 1)
      await acknowledge(context, await openAlert(context, 'reference_moved'))
      await tell(context)
    })
  }

  test('gets the others though it refuses one, and each alert in its order', async (context) => {
    const { receiver, clock, upstream } = context
    receiver.forget()
    receiver.answer(500)
    upstream.moveTag('beta/text', '1.10.0')
    await moveTag(context, '1.0.2')
    const alerts = await alertsOf(context, 'reference_moved', '?state=open')
    await tell(context)
    const [refused] = transitions(context)
    for (const alert of alerts) await acknowledge(context, alert)
    receiver.forget()
    receiver.answer(204)
    await tell(context)
    await tell(context)
    const others = transitions(context)
    assert.equal(
      others.map((line) => line.split(' ')[0]),
      ['opened', 'resolved'],
    )
    assert.not.match(others.join(), refused?.replace('opened ', '') ?? '')
    clock.advance(10)
    await tell(context)
    await tell(context)
    assert.equal(transitions(context).slice(2), [refused, refused?.replace('opened', 'resolved')])
  })

  test('that is down for a day is not told what was then, but what is now', async (context) => {
    const { receiver, clock, lines } = context
    receiver.answer(503)
    await moveTag(context, '1.2.0')
    for (let hours = 0; hours < 26; hours++) {
      await tell(context)
      clock.advance(hourSeconds)
    }
    assert.is(lines.filter((line) => line.includes('given up')).length, 1)
    receiver.forget()
    receiver.answer(200)
    await tell(context)
    assert.equal(transitions(context), [])
    await acknowledge(context, await openAlert(context, 'reference_moved'))
    await tell(context)
    assert.equal(transitions(context), ['resolved beta/text 1.2.0'])
  })

  test('keeps nobody waiting, though it never answers', async (context) => {
    const { receiver, get } = context
    receiver.forget()
    receiver.answer('hang')
    await moveTag(context, '2.0.0')
    const telling = tell(context)
    assert.is((await get('/p2/acme/log.json')).statusCode, 200)
    assert.is((await openAlert(context, 'reference_moved')).subject, 'beta/text 2.0.0')
    await context.runJob('alerts')
    await eventually('it was asked', () => receiver.received.length === 1)
    receiver.cut()
    await telling
  })

  test('leaves neither its URL nor its secret in the log', ({ lines }) => {
    assert.ok(lines.some((line) => line.includes('the alert webhook is not told yet')))
    assert.not.match(lines.join(''), 's3cr3t-of-the-url')
    assert.not.match(lines.join(''), secret)
  })
})

describe('without a webhook', startService, (test) => {
  test('nobody is told', async (service) => {
    let problem = ''
    await tell(service).catch((error: unknown) => (problem = String(error)))
    assert.match(problem, 'there is no job')
  })
})

describe('the webhook of two nodes', open, (test) => {
  test('is told by one of them', async (context) => {
    await context.startNode()
    await moveTag(context)
    await Promise.all([context.runJob('alert webhook', 0), context.runJob('alert webhook', 1)])
    assert.equal(transitions(context), ['opened beta/text 1.0.1'])
  })
})
