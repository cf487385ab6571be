import * as assert from 'uvu/assert'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe('an instant in the URL of a repository', startService, (test) => {
  test('is taken in its query, as Composer asks for its root file', async ({ get }) => {
    const inPath = await get('/at/2026-05-01/packages.json')
    const inQuery = await get('/?at=2026-05-01/packages.json')
    assert.is(inQuery.statusCode, 200)
    assert.is(inQuery.body.toString(), inPath.body.toString())
    assert.is((await get('/?at=nonsense/packages.json')).statusCode, 400)
    for (const path of [
      '/',
      '/?at=2026-05-01',
      '/?at=2026-05-01/elsewhere',
      '/?x=/packages.json',
    ]) {
      assert.is((await get(path)).statusCode, 404, path)
    }
  })
})
