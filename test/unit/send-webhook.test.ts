import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { type SendOptions, sendWebhook } from '../../src/alerts/send-webhook.ts'
import { createClock } from '../support/clock.ts'
import { freePort } from '../support/free-port.ts'
import { describe } from '../support/suite.ts'

const { now } = createClock()

/** A server that answers as the test says. */
async function open() {
  let answer: (response: ServerResponse) => void = (response) => void response.end()
  const server = createServer((request, response) => {
    request.resume()
    answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // as it listens on a port, not on a socket
  const { signal } = new AbortController()
  return {
    server,
    answers: (changed: typeof answer) => (answer = changed),
    send: async (options: Partial<SendOptions> = {}, url = `http://127.0.0.1:${port}/s3cr3t`) => {
      const message = { body: '{}', now: now(), signal, ...options }
      return await sendWebhook({ url, secret: 'secret-of-the-webhook' }, message)
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

describe('a webhook', open, (test) => {
  test('that never answers is left', async ({ answers, send }) => {
    answers(() => undefined)
    assert.equal(await send({ timeoutMs: 50 }), { ok: false, problem: 'no answer in time' })
  })

  test('that never comes to an end is not listened to', async ({ answers, send, server }) => {
    answers((response) => {
      response.writeHead(200)
      response.write('and another thing')
    })
    const connection = once(server, 'connection')
    assert.equal(await send(), { ok: true })
    const [socket] = await connection
    if (!socket.destroyed) await once(socket, 'close')
  })

  test('is left when this node stops', async ({ answers, send }) => {
    const stopping = new AbortController()
    answers(() => stopping.abort())
    assert.is((await send({ signal: stopping.signal })).ok, false)
  })

  test('that is not there is a problem without its URL', async ({ send }) => {
    const url = `http://127.0.0.1:${await freePort()}/s3cr3t`
    assert.equal(await send({}, url), { ok: false, problem: 'ECONNREFUSED' })
  })
})
