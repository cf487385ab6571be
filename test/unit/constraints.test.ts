import * as assert from 'uvu/assert'
import { isConstraint } from '../../src/composer/constraints.ts'
import { describe } from '../support/suite.ts'

describe(
  'constraints',
  async () => ({}),
  (test) => {
    const good = ['*', '', 'self.version', '1.0', 'v1.2.3', '^1.0 || ^2.0', '~1.2|~2', '>=1.0,<2.0']
    good.push('>= 1.0 <2.0', '1.0 - 2.0', '1.*', '1.2.x', 'x', 'dev-main', 'dev-feature/x#abc123')
    good.push('1.x-dev', '^1.0@beta', '@dev', 'dev-main as 1.0', '!=1.5', '<>1.5', 'master-dev')
    good.push('^2.0.0-RC1', '>=5.3.0-dev', '1.0.0+build')
    for (const text of good) test(`"${text}" is one`, () => assert.ok(isConstraint(text)))

    const bad = [
      '=>=5',
      'foo',
      '~~',
      '>=5 foo',
      '^1.0 || nonsense',
      '1.0.0.0.0.0',
      'x'.repeat(3000),
    ]
    for (const text of bad) {
      test(`"${text.slice(0, 20)}" is none`, () => assert.not.ok(isConstraint(text)))
    }
  },
)
