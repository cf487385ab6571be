import * as assert from 'uvu/assert'
import { Problem, problemNamed } from '../../src/http/errors.ts'
import { problemCodes } from '../../src/http/problems.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe('the type of a problem', startService, (test) => {
  test('leads to a text that says what it is and what to do', async ({ api }) => {
    const { body } = await api('GET', '/api/v1/packages/acme/Nothing')
    const { type, code, title } = Problem.parse(body)
    const page = await api('GET', type, { token: undefined })
    assert.is(page.status, 200)
    assert.match(page.headers['content-type'] ?? '', 'text/plain')
    assert.match(String(page.body), `${title}\n\nstatus 404, code ${code}\n\n`)
  })

  test('leads to one for every code, in sentences', async ({ get }) => {
    assert.ok(problemCodes.length > 30)
    for (const code of problemCodes) {
      const { statusCode, body } = await get(`/problems/${code}`)
      assert.is(statusCode, 200, code)
      const [title, status, meaning = ''] = body.toString().split('\n\n')
      assert.equal(title, problemNamed(code).title)
      assert.equal(status, `status ${problemNamed(code).status}, code ${code}`)
      assert.match(meaning, /^[A-Z`].{20,}\.$/, code)
    }
  })

  test('is nothing else: what is asked for is not repeated', async ({ get }) => {
    for (const name of ['nothing', 'constructor', '__proto__', '%3Cscript%3E', 'x'.repeat(3_000)]) {
      const { statusCode, body } = await get(`/problems/${name}`)
      assert.is(statusCode, 404, name)
      assert.not.match(body.toString(), 'script')
    }
  })
})
