// What one would write with Node for files, and nothing else; in JavaScript, so that nothing but that is in its process:
// beside a compiler's heap, it took three times as long once it had been idle for a while.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'

const [directory = '', port] = process.argv.slice(2)

/** @param {string} file @param {import('node:http').ServerResponse} response */
async function answer(file, response) {
  const { size } = await stat(file)
  response.writeHead(200, { 'content-type': 'application/zip', 'content-length': size })
  createReadStream(file, { highWaterMark: 256 * 1024 }).pipe(response)
}

const server = createServer((request, response) => {
  answer(path.join(directory, request.url ?? ''), response).catch(() => response.destroy())
})
server.listen(Number(port), '127.0.0.1', () => process.send?.('ready'))
// However the bench ends, this ends with it.
process.on('disconnect', () => process.exit())
