import * as assert from 'uvu/assert'
import { AppError, type ErrorCode } from '../../src/errors.ts'
import { answerError } from '../../src/http/errors.ts'
import { describe } from '../support/suite.ts'

/** Those that can come with a time to ask again. */
const codes = [
  'allowance_used_up',
  'no_connection_left',
  'upstream_unavailable',
  'database_unavailable',
  'still_catching_up',
  'archive_not_here',
  'archive_unavailable',
] as const satisfies readonly ErrorCode[]

describe(
  'an error that may be over soon',
  async () => ({}),
  (test) => {
    for (const code of codes) {
      const error = new AppError(code, 'not now', { retryAfterSeconds: 30 })

      test(`${code}: tells Composer nothing of when, for it would wait with everything else`, () => {
        const { headers } = answerError(error, { surface: 'composer', requestId: 'x' })
        assert.is(headers['Retry-After'], undefined)
      })

      test(`${code}: tells others when to ask again`, () => {
        const { headers } = answerError(error, { surface: 'api', requestId: 'x' })
        assert.is(headers['Retry-After'], '30')
      })
    }
  },
)
