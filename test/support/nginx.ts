import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import path from 'node:path'
import { startProcess } from './processes.ts'
import { eventually } from './suite.ts'
import { removeDirectory, temporaryDirectory } from './temporary-directory.ts'

/** Where Debian has it isn't on everybody's path. */
const searched = `${process.env['PATH']}:/usr/sbin`

/** Why it can't be run here; undefined: it can. */
export function noNginx(): string | undefined {
  const { error } = spawnSync('nginx', ['-v'], { env: { PATH: searched } })
  return error === undefined ? undefined : 'there is no nginx (apt-get install nginx-light)'
}

/** Runs nginx with this in its http block, as whoever runs the tests, until it is closed. */
export async function startNginx(
  http: string,
  port: number,
): Promise<{ readonly close: () => Promise<void> }> {
  const directory = temporaryDirectory('nginx')
  const file = path.join(directory, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join('\n')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr warn;
     events {} http { access_log off; ${temporary}\n${http} }`,
  )
  const started = startProcess('nginx', ['-c', file, '-p', directory, '-e', 'stderr'], {
    directory,
    env: { PATH: searched },
  })
  await eventually('nginx listens', async () => await canConnect(port)).catch((error: unknown) => {
    throw new Error(`nginx doesn't start:\n${started.output()}`, { cause: error })
  })
  return {
    async close() {
      started.signal('SIGTERM')
      await started.closed
      removeDirectory(directory)
    },
  }
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
  return true
}
