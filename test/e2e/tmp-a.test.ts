import * as assert from 'uvu/assert'
import { describe } from '../support/suite.ts'
import { startAlmanac } from '../support/almanac.ts'
import { startStubUpstream } from '../support/upstream.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { composerProject, runComposer } from '../support/composer.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
describe('a', async () => ({}), (test) => {
  test('embedded', async () => {
    const upstream = await startStubUpstream()
    const dataDirectory = temporaryDirectory('data')
    const almanac = await startAlmanac({ upstream: upstream.url, dataDirectory })
    const project = composerProject({ repository: almanac.url, require: { 'acme/suite': '*' } })
    const r = await runComposer(['update'], { directory: project.directory })
    console.log(r.code, r.output.slice(-1500), r.code === 0 && project.locked())
    await almanac.kill9()
    const again = await startAlmanac({ upstream: upstream.url, dataDirectory, port: almanac.port })
    console.log(again.output())
    assert.is(await again.stop(), 0)
    await again.close()
    await upstream.close()
  })
  test('database', async () => {
    const db = await createTestDatabase()
    const almanac = await startAlmanac({ databaseUrl: db.url })
    assert.is(await almanac.stop('SIGINT'), 0)
    await almanac.close()
    await db.close()
  })
  test('leak on purpose', async () => {
    const almanac = await startAlmanac({ })
    throw new Error('x' + almanac.pid)
  })
})
