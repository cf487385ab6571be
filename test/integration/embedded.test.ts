import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { defaultDataDirectory } from '../../src/database/embedded.ts'
import {
  ask,
  contents,
  isThere,
  openWorkplace,
  pidFile,
  refusal,
  remember,
  remembered,
  serverPid,
  start,
} from '../support/embedded.ts'
import { patientMs } from '../support/slowness.ts'
import { describe, eventually } from '../support/suite.ts'

describe('the embedded PostgreSQL', openWorkplace, (test) => {
  test('makes a database at the first start, and has its rows at the next', async (context) => {
    const directory = context.newDirectory()
    const startedMs = performance.now()
    await using first = await start(directory)
    const readyMs = performance.now()
    assert.is(first.adopted, false)
    assert.ok(
      readyMs - startedMs < patientMs(10_000),
      `the first start took ${readyMs - startedMs} ms`,
    )
    const settings = `select current_database() || ' ' || current_user || ' ' || current_setting('fsync')
      || ' ' || current_setting('listen_addresses') || ' ' || current_setting('TimeZone') as answer`
    assert.is(await ask(first, settings), 'almanac postgres on  UTC')
    await remember(first, 'the first')
    await first.stop()

    await using second = await start(directory)
    assert.is(second.adopted, false)
    assert.equal(await remembered(second), ['the first'])
  })

  test('lets nobody in over TCP, nor do data of a former release', async (context) => {
    const directory = context.newDirectory()
    const rules = path.join(directory, 'postgresql', 'pg_hba.conf')
    const types =
      "select string_agg(type || ' ' || auth_method, ', ') as answer from pg_hba_file_rules"
    await using first = await start(directory)
    assert.is(await ask(first, types), 'local trust')
    await remember(first, 'the first')
    await first.stop()
    writeFileSync(
      rules,
      'local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all ::1/128 trust\n',
    )

    await using second = await start(directory)
    assert.is(await ask(second, types), 'local trust')
    assert.is(statSync(rules).mode & 0o777, 0o600)
    assert.equal(await remembered(second), ['the first'])
  })

  test('ends with its server gone, however often it is told to', async (context) => {
    const directory = context.newDirectory()
    await using server = await start(directory)
    const pid = serverPid(directory)
    await Promise.all([server.stop(), server.stop()])
    await server.stop()
    // Ended, it is there until whoever inherited it takes note.
    await eventually('its process is gone', () => !isThere(pid))
    assert.not(existsSync(pidFile(directory)))
  })

  test('opens no data of another version, and leaves them as they are', async (context) => {
    const directory = context.newDirectory()
    const cluster = path.join(directory, 'postgresql')
    await using server = await start(directory)
    await remember(server, 'precious')
    await server.stop()
    const version = readFileSync(path.join(cluster, 'PG_VERSION'))
    writeFileSync(path.join(cluster, 'PG_VERSION'), '9\n')
    const before = contents(cluster)

    const sentence = await refusal(directory)
    assert.match(sentence, `${cluster} was made by PostgreSQL 9, and only that version can open it`)
    assert.match(sentence, 'Install PostgreSQL 9')
    assert.equal(contents(cluster), before)

    writeFileSync(path.join(cluster, 'PG_VERSION'), version)
    await using again = await start(directory)
    assert.equal(await remembered(again), ['precious'])
  })

  test('makes nothing over files that it does not know', async (context) => {
    const directory = context.newDirectory()
    await (await start(directory)).stop()
    const cluster = path.join(directory, 'postgresql')
    rmSync(path.join(cluster, 'PG_VERSION'))
    const before = contents(cluster)
    assert.match(await refusal(directory), `${cluster} has files, but no readable PG_VERSION`)
    assert.equal(contents(cluster), before)
  })

  test('finds a place for its socket however long the path of DATA_DIR is', async (context) => {
    const directory = path.join(context.newDirectory(), 'long'.repeat(30), 'with, "all" that: ü')
    await using server = await start(directory)
    const sockets = new URL(server.connectionString).searchParams.get('host') ?? ''
    try {
      assert.ok(Buffer.byteLength(sockets) < 90, sockets)
      assert.is(statSync(sockets).mode & 0o777, 0o700)
      await remember(server, 'from afar')
      await server.stop()
      await using again = await start(directory)
      assert.is(again.connectionString, server.connectionString)
      assert.equal(await remembered(again), ['from afar'])
      await again.stop()
    } finally {
      rmSync(sockets, { recursive: true, force: true })
    }
  })

  const unreachable = 'says which directory keeps its user from DATA_DIR, and makes nothing there'
  if (process.getuid?.() !== 0) test.skip(`${unreachable} (only root has that problem)`)
  else {
    test(unreachable, async (context) => {
      const closed = context.newDirectory()
      mkdirSync(closed, { mode: 0o700 })
      const directory = path.join(closed, 'data')
      const sentence = await refusal(directory)
      assert.match(sentence, `can't get to ${directory}/postgresql: ${closed} is closed to it`)
      assert.match(
        sentence,
        'Set DATA_DIR to a directory elsewhere, for example DATA_DIR=/var/lib/',
      )
      assert.equal(readdirSync(closed), [])
      assert.is(defaultDataDirectory(closed), '/var/lib/almanac')
    })
  }

  test('keeps its data beside the program where nothing is in the way', async (context) => {
    const directory = context.newDirectory()
    assert.is(defaultDataDirectory(directory), path.join(directory, 'data'))
  })
})
