import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type HttpServerOptions, startHttpServer } from '../../src/http/server.ts'
import { jsonAnswer, type Route } from '../../src/http/route.ts'
import { createLogger } from '../../src/logger.ts'
import { freePort } from '../support/free-port.ts'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const alice = '127.0.0.2'
const bob = '127.0.0.3'
/** As addresses of this machine have in production. */
const exempt = '127.0.0.1'

/** A server with room for eight connections and two probes; addresses have shares, but for 127.0.0.1. */
async function open() {
  const port = await freePort()
  const lines: string[] = []
  let held: (() => void)[] = []
  const route = (path: string, handle: Route['handle']): Route => ({
    surface: 'composer',
    policy: 'open',
    method: 'get',
    path,
    handle,
  })
  const ok = async () => jsonAnswer(200, {})
  const routes = [
    route('/livez', ok),
    route('/readyz', ok),
    route('/quick', ok),
    route('/large', async () => jsonAnswer(200, 'x'.repeat(2 ** 24))),
    route('/held', async () => {
      await new Promise<void>((resolve) => held.push(resolve))
      return jsonAnswer(200, {})
    }),
  ]
  const options: Partial<HttpServerOptions> = {
    authorize: async () => ({
      principal: { kind: 'anonymous' },
      client: { key: undefined, hasToken: false },
      isRestricted: false,
    }),
    addresses: {
      ofClient: () => undefined,
      ofHost: () => undefined,
      ofSharer: ({ remoteAddress }) => (remoteAddress === exempt ? undefined : remoteAddress),
    },
    limits: { connectionsMax: 8, reservedMax: 2 },
    repeats: { get: () => undefined, begin: () => () => undefined },
    translate: (error) => error,
    onRequest: () => undefined,
    logger: createLogger('warn', { write: (line) => void lines.push(line) }),
  }
  const server = await startHttpServer(routes, {
    host: '127.0.0.1',
    port,
    publicOrigin: `http://127.0.0.1:${port}`,
    ...options,
  } as HttpServerOptions) // all that it needs is among these
  const sockets = new Set<Socket>()

  async function opened(localAddress: string) {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    sockets.add(socket)
    let received = ''
    socket.on('data', (data) => (received += data.toString('latin1')))
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    const send = (path: string, times = 1) => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(times))
    }
    return {
      socket,
      send,
      isClosed: () => socket.destroyed,
      received: () => received,
      async ask(path: string) {
        received = ''
        send(path)
        await eventually('it is answered or closed', () => socket.destroyed || received !== '')
        return Number(received.slice(9, 12))
      },
    }
  }
  async function many(count: number, localAddress: string) {
    const all = []
    // One after the other, so that they are accepted in this order.
    for (let n = 0; n < count; n++) all.push(await opened(localAddress))
    return all
  }
  async function holding(count: number, localAddress: string) {
    const before = held.length
    const all = []
    for (let n = 0; n < count; n++) {
      const each = await opened(localAddress)
      each.send('/held')
      await eventually('its request is under way', () => held.length === before + n + 1)
      all.push(each)
    }
    return all
  }
  async function reset() {
    for (const go of held) go()
    held = []
    for (const socket of sockets) socket.destroy()
    await eventually('all are closed', () => [...sockets].every(({ closed }) => closed))
    sockets.clear()
    lines.splice(0)
  }
  const close = async () => await server.close(0)
  return { opened, many, holding, lines, reset, close }
}

describe('at its limit of connections, the server', open, (test) => {
  test.after.each(async ({ reset }) => await reset())

  test('closes the one that has been idle for longest, silent or asked before', async (server) => {
    const { many, opened } = server
    const [first, second, third, ...others] = await many(8, exempt)
    assert.is(await first?.ask('/quick'), 200)
    const newcomer = await opened(exempt)
    assert.is(await newcomer.ask('/quick'), 200)
    await eventually('the silent one is closed', () => second?.isClosed())
    assert.is(await third?.ask('/quick'), 200)
    await many(6, exempt)
    await eventually('the idle one that asked is closed', () => first?.isClosed())
    assert.ok(others.every(({ isClosed }) => isClosed()))
    assert.not(third?.isClosed())
  })

  test('closes none that is waiting for its answer; who comes then is told', async (server) => {
    const { holding, opened } = server
    const all = await holding(8, exempt)
    const newcomer = await opened(alice)
    assert.is(await newcomer.ask('/quick'), 503)
    assert.match(newcomer.received(), 'too many connections are open')
    assert.not.match(newcomer.received(), /retry-after/i, 'Composer would wait for so long')
    await eventually('and let go', () => newcomer.isClosed())
    assert.ok(all.every(({ isClosed }) => !isClosed()))
    assert.is(server.lines.length, 1)
  })

  for (const probe of ['/livez', '/readyz'] as const) {
    test(`answers ${probe} in reserved places, whoever else wants them`, async (server) => {
      const { holding, many, opened } = server
      await holding(8, exempt)
      const silent = await opened(bob)
      const crowd = await many(20, alice)
      await eventually('the crowd has one place', () => {
        return crowd.filter(({ isClosed }) => !isClosed()).length === 1
      })
      assert.not(silent.isClosed())
      const newcomer = await opened(exempt)
      assert.is(await newcomer.ask(probe), 200)
    })
  }

  test('lets no address have more than what is left', async ({ many, holding, opened }) => {
    const silent = await many(20, alice)
    await eventually('four of them are left', () => {
      return silent.filter(({ isClosed }) => !isClosed()).length === 4
    })
    assert.not(silent.at(-1)?.isClosed(), 'the latest ones')
    await holding(2, bob)
    const third = await opened(bob)
    assert.is(await third.ask('/quick'), 503, 'two of four are free, and two are its own')
    const own = await many(2, exempt)
    for (const each of own) assert.is(await each.ask('/quick'), 200)
  })

  test('answers a pipeline of up to a hundred and no more', async ({ opened }) => {
    const modest = await opened(alice)
    modest.send('/quick', 100)
    await eventually('all are answered', () => {
      return modest.received().split('HTTP/1.1 200').length === 101
    })
    const greedy = await opened(alice)
    greedy.send('/held', 101)
    await eventually('it is closed', () => greedy.isClosed())
  })
})

describe('a client that does not read', open, (test) => {
  test.after.each(async ({ reset }) => await reset())

  test('what it asked for is not kept for it for longer than that takes', async ({ opened }) => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const slow = await opened(alice)
      slow.socket.pause()
      slow.send('/large')
      // Nothing tells when the system takes no more; it is a matter of a few turns.
      for (let turns = 0; turns < 1_000; turns++) await turn()
      // 60 s, and a second for each 16,000 bytes.
      mock.timers.tick(60_000 + 2 ** 24 / 16 + 1)
      slow.socket.resume()
      await once(slow.socket, 'close')
      assert.ok(slow.received().length < 2 ** 24)
    } finally {
      mock.timers.reset()
    }
  })
})

describe('2,200 connections', startService, (test) => {
  for (const kind of ['silent', 'idle'] as const) {
    test(`that are ${kind} keep nobody out`, async ({ url, get }) => {
      const port = Number(new URL(url).port)
      const sockets: Socket[] = []
      try {
        for (let n = 0; n < 2_200; n += 100) {
          await Promise.all(
            Array.from({ length: 100 }, async () => {
              const socket = connect(port, '127.0.0.1')
              sockets.push(socket)
              socket.on('error', () => undefined)
              await once(socket, 'connect')
              if (kind === 'silent') return
              socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
              await Promise.race([once(socket, 'data'), once(socket, 'close')])
            }),
          )
        }
        assert.is((await get('/livez')).statusCode, 200)
        assert.is((await get('/p2/acme/log.json')).statusCode, 200)
        await eventually('the server has no more than its limit', () => {
          return sockets.filter(({ destroyed }) => !destroyed).length <= 2_000
        })
      } finally {
        for (const socket of sockets) socket.destroy()
      }
    })
  }
})
