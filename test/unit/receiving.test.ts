import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import * as assert from 'uvu/assert'
import { AppError } from '../../src/errors.ts'
import { type Receiving, receiving } from '../../src/http/receiving.ts'
import { freePort } from '../support/free-port.ts'
import { describe } from '../support/suite.ts'

/** What the server does with a request; what it returns or throws is the answer. */
type Handle = (received: Receiving, request: IncomingMessage) => Promise<string>

async function open() {
  const port = await freePort()
  let handle: Handle = async () => 'nothing'
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    const received = receiving(request, { wholeMs: 200, bytesMax: 1000, leftOverMs: 200 })
    handle(received, request).then(
      (answer) => response.end(answer),
      (error: unknown) => response.end(error instanceof AppError ? error.code : String(error)),
    )
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const sockets: Socket[] = []
  return {
    answerWith: (next: Handle) => void (handle = next),
    /** A connection on which a request was begun. */
    send: (head: string, body = '') => {
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n${body}`)
      return socket
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const limits = { idleMs: 60_000, totalMs: 60_000 }

/** Sends a piece every 50 ms until the connection ends or `count` are sent. */
async function trickle(socket: Socket, count: number): Promise<void> {
  for (let sent = 0; sent < count && !socket.destroyed; sent++) {
    socket.write('x')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function read(received: Receiving, given = limits): Promise<string> {
  let sizeBytes = 0
  for await (const piece of received.stream(given)) sizeBytes += piece.length
  return `${sizeBytes} bytes`
}

describe('a body', open, (test) => {
  test('is given as a whole', async ({ answerWith, send }) => {
    answerWith(async ({ whole }) => (await whole()).toString())
    const socket = send('Content-Length: 5\r\nConnection: close', 'hello')
    assert.match(await text(socket), /hello$/)
  })

  test('that nobody reads in another way ends its connection when it is slow', async (world) => {
    world.answerWith(async ({ whole }) => (await whole()).toString())
    const socket = world.send('Content-Length: 500', 'x')
    const [answer] = await Promise.all([text(socket).catch(() => 'cut'), trickle(socket, 200)])
    assert.match(answer, /upload_broke_off|^cut$/)
  })

  test('that is slow is cut also when nobody reads it at all', async ({ answerWith, send }) => {
    answerWith(async () => await new Promise(() => undefined))
    const socket = send('Content-Length: 500', 'x')
    const [answer] = await Promise.all([text(socket).catch(() => 'cut'), trickle(socket, 200)])
    assert.match(answer, /^(?:cut)?$/)
  })

  test('may take longer than that as an upload, as long as something comes', async (world) => {
    world.answerWith(async (received) => await read(received))
    const socket = world.send('Content-Length: 10\r\nConnection: close')
    const [answer] = await Promise.all([text(socket), trickle(socket, 10)])
    assert.match(answer, /10 bytes$/)
  })

  test('of an upload is given up when nothing comes, or it takes too long', async (world) => {
    for (const given of [
      { idleMs: 100, totalMs: 60_000 },
      { idleMs: 60_000, totalMs: 100 },
    ]) {
      world.answerWith(async (received) => await read(received, given))
      const socket = world.send('Content-Length: 500', 'x')
      const [answer] = await once(socket, 'data')
      assert.match(String(answer), 'upload_broke_off')
    }
  })

  test('that breaks off is told to whoever reads it', async ({ answerWith, send }) => {
    const told = new Promise<unknown>((resolve) => {
      answerWith(async (received) => {
        await read(received).catch(resolve)
        return ''
      })
    })
    const socket = send('Content-Length: 500', 'x')
    socket.once('connect', () => socket.end())
    const error = await told
    assert.is(error instanceof AppError && error.code, 'upload_broke_off')
  })

  test('that is refused in the middle is thrown away, so that its client sees why', async (world) => {
    world.answerWith(async ({ whole }) => (await whole()).toString())
    const socket = world.send('Content-Length: 3000000\r\nConnection: close')
    socket.write('x'.repeat(3_000_000))
    assert.match(await text(socket), /too_large$/)
  })

  test('that is refused unread leaves its connection to the next request', async (world) => {
    const { answerWith, send } = world
    answerWith(async () => 'refused')
    const socket = send('Content-Length: 3000000')
    socket.write('x'.repeat(3_000_000))
    const [first] = await once(socket, 'data')
    assert.match(String(first), 'refused')
    answerWith(async ({ whole }) => (await whole()).toString())
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnext')
    const [second] = await once(socket, 'data')
    assert.match(String(second), /next$/)
  })
})
