import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { StartupError } from '../../src/errors.ts'
import {
  ask,
  openWorkplace,
  pidFile,
  refusal,
  remember,
  remembered,
  serverPid,
  start,
  startElsewhere,
  killElsewhere,
} from '../support/embedded.ts'
import { describe, eventually } from '../support/suite.ts'

describe('the embedded PostgreSQL after a crash', openWorkplace, (test) => {
  test('brings a killed server back by itself, with every committed row', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    await using server = await start(directory)
    await remember(server, 'before the kill')
    const killed = serverPid(directory)
    process.kill(killed, 'SIGKILL')

    await eventually('the server is back', async () => {
      assert.equal(await remembered(server), ['before the kill'])
      return true
    })
    assert.is.not(serverPid(directory), killed)
    await remember(server, 'after it')
    assert.equal(await remembered(server), ['before the kill', 'after it'])
  })

  test('brings it back though a busy process of the killed one lives on', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    await using server = await start(directory)
    await remember(server, 'before the kill')
    const busy = ask(server, 'do $$ begin loop end loop; end $$').catch((error: unknown) => error)
    await eventually('it is busy', async () => {
      const working = `select count(*)::int as answer from pg_stat_activity where query like 'do $$%'`
      return (await ask(server, working)) === 1
    })
    process.kill(serverPid(directory), 'SIGKILL')

    await eventually('the server is back', async () => {
      assert.equal(await remembered(server), ['before the kill'])
      return true
    })
    assert.instance(await busy, Error)
  })

  test('is lost when it can not be started again, which is said with the reason', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    const lost: Error[] = []
    await using server = await start(directory, (error) => lost.push(error))
    writeFileSync(path.join(directory, 'postgresql', 'postgresql.auto.conf'), 'nonsense = 1\n')
    process.kill(serverPid(directory), 'SIGKILL')

    await eventually('it is lost', () => lost.length > 0, { timeoutMs: 30_000 })
    const [error] = lost
    assert.match(String(error), 'five times within a minute')
    assert.instance(error?.cause, StartupError)
    assert.match(String(error?.cause), 'unrecognized configuration parameter "nonsense"')
    await server.stop()
    assert.is(lost.length, 1)
  })

  test('takes over the server of a killed Almanac', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    const other = await startElsewhere(directory)
    assert.is(other.said, 'ready')
    const pid = serverPid(directory)
    // Returns only when its output has ended: the server that it started must not hold it open.
    await killElsewhere(other)

    await using server = await start(directory)
    assert.is(server.adopted, true)
    assert.is(serverPid(directory), pid)
    assert.equal(await remembered(server), ['from elsewhere'])

    process.kill(pid, 'SIGKILL')
    await eventually('the server is back', async () => {
      assert.equal(await remembered(server), ['from elsewhere'])
      return true
    })
    await server.stop()
    assert.not(existsSync(pidFile(directory)))
  })

  test('recovers when Almanac and its server were both killed', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    const other = await startElsewhere(directory)
    assert.is(other.said, 'ready')
    process.kill(serverPid(directory), 'SIGKILL')
    await killElsewhere(other)

    await using server = await start(directory)
    assert.is(server.adopted, false)
    assert.equal(await remembered(server), ['from elsewhere'])
  })

  test('is refused to a second Almanac until the first was killed', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    const other = await startElsewhere(directory)
    assert.is(other.said, 'ready')
    assert.is(
      await refusal(directory),
      `Another Almanac (process ${other.process.pid}) already runs on ${directory}. ` +
        `Stop it, or give this one its own DATA_DIR.`,
    )
    await killElsewhere(other)

    await using server = await start(directory)
    assert.equal(await remembered(server), ['from elsewhere'])
    assert.match(await refusal(directory), `Another Almanac (process ${process.pid})`)
  })

  test('goes to exactly one of several that start where one was killed', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    const killed = await startElsewhere(directory)
    await killElsewhere(killed)

    const others = await Promise.all([1, 2, 3].map(async () => await startElsewhere(directory)))
    const ready = others.filter((other) => other.said === 'ready')
    assert.is(ready.length, 1)
    for (const other of others) {
      if (other.said !== 'ready') assert.match(other.said, /^Another Almanac/)
    }
    for (const other of others) other.process.signal('SIGTERM')
    await Promise.all(others.map(async (other) => await other.process.closed))
    assert.not(existsSync(pidFile(directory)))
  })

  test('is not fooled by the number of a process that is something else', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    await (await start(directory)).stop()
    const { uid, gid } = statSync(path.join(directory, 'postgresql'))
    const stranger = spawn('sleep', ['600'], { uid, gid, cwd: '/' })
    await once(stranger, 'spawn')
    const cluster = path.join(directory, 'postgresql')
    writeFileSync(pidFile(directory), `${stranger.pid}\n${cluster}\n1\n5432\n\n\n1 1\nready\n`)
    try {
      await using server = await start(directory)
      assert.is(server.adopted, false)
      assert.is.not(serverPid(directory), stranger.pid)
      assert.is(stranger.exitCode, null)
    } finally {
      stranger.kill()
    }
  })

  test('begins anew where the first start was killed half-way', async (context) => {
    process.stdout.write(String(performance.now()|0)+' ');
    const directory = context.newDirectory()
    const unfinished = path.join(directory, 'postgresql.unfinished-abcdef')
    mkdirSync(path.join(unfinished, 'base'), { recursive: true })
    chmodSync(directory, 0o755)
    writeFileSync(path.join(unfinished, 'PG_VERSION'), '18\n')
    await using server = await start(directory)
    await remember(server, 'all is well')
    assert.not(existsSync(unfinished))
  })
})
