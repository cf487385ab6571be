import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { signalQuietly } from './processes.ts'

export interface OnTerminal {
  /** All that was written, as it came. */
  readonly output: () => string
  readonly type: (keys: string) => void
  readonly exited: Promise<number | null>
}

const running = new Set<number>()
process.once('exit', () => {
  for (const pid of running) signalQuietly(pid, 'SIGKILL')
})

/** Why nothing can be run on a pseudo-terminal here; undefined: it can. */
export function noTerminal(): string | undefined {
  const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' })
  return stdout?.includes('util-linux') ? undefined : 'there is no `script` of util-linux'
}

/** Runs a shell command on a pseudo-terminal of its own, which hangs up when this process ends. */
export function startOnTerminal(
  command: string,
  { directory, env }: { readonly directory: string; readonly env: NodeJS.ProcessEnv },
): OnTerminal {
  const child = spawn(
    'script',
    ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'],
    {
      cwd: directory,
      env: { SHELL: '/bin/sh', TERM: 'xterm', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const { pid } = child
  if (pid !== undefined) running.add(pid)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  return {
    output: () => Buffer.concat(chunks).toString().replaceAll('\r\n', '\n'),
    type: (keys) => void child.stdin.write(keys),
    exited: once(child, 'close').then(([code]) => {
      if (pid !== undefined) running.delete(pid)
      return code
    }),
  }
}
