import pg from 'pg'
import * as assert from 'uvu/assert'
import { isConnectionLoss, isPassing } from '../../src/database/errors.ts'
import { describe } from '../support/suite.ts'

function reported(code: string): Error {
  return Object.assign(new pg.DatabaseError('…', 1, 'error'), { code })
}

function ofSystem(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall })
}

describe(
  'errors of the database',
  async () => ({}),
  (test) => {
    const errors = [
      ['a terminated connection', reported('57P01'), 'lost'],
      ['a server that is starting', reported('57P03'), 'lost'],
      ['too many connections', reported('53300'), 'lost'],
      ['a refused connection', ofSystem('ECONNREFUSED', 'connect'), 'lost'],
      ['a socket that is not there', ofSystem('ENOENT', 'connect'), 'lost'],
      ["pg's own words", new Error('Connection terminated unexpectedly'), 'lost'],
      ['a lock timeout', reported('55P03'), 'passing'],
      ['a statement timeout', reported('57014'), 'passing'],
      ['a deadlock', reported('40P01'), 'passing'],
      ['a full disk', reported('53100'), 'passing'],
      ['a standby', reported('25006'), 'passing'],
      ['a violated constraint', reported('23505'), 'bug'],
      ['a missing column', reported('42703'), 'bug'],
      ['a file that is not there', ofSystem('ENOENT', 'open'), 'bug'],
      ['a client that left', Object.assign(new Error('aborted'), { code: 'ECONNRESET' }), 'bug'],
      ['a bug', new TypeError('x is not a function'), 'bug'],
    ] as const
    for (const [what, error, kind] of errors) {
      test(`${what}: ${kind}`, () => {
        assert.is(isConnectionLoss(error), kind === 'lost')
        assert.is(isPassing(error), kind !== 'bug')
      })
    }
  },
)
