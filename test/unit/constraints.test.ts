import * as assert from 'uvu/assert'
import {
  constraintLengthMax,
  isLinkConstraint,
  parseConstraint,
  satisfies,
} from '../../src/composer/constraints.ts'
import { compareVersions, versionKey, versionParts } from '../../src/composer/version-compare.ts'
import { constraints, versions } from '../support/constraint-table.ts'
import { fuzz } from '../support/fuzz.ts'
import { type Random, randomFrom } from '../support/random.ts'
import { describe } from '../support/suite.ts'

const numbers = ['0', '1', '01', '2', '10', '9007199254740993', '9007199254740992']
numbers.push('0000000000000000001', '9223372036854775807', '9223372036854775808', '9'.repeat(40))
const words = ['dev', 'a', 'alpha', 'b', 'beta', 'rc', 'RC', 'RC1', 'p', 'patch', 'x', 'Beta', 'zz']

function anyVersion({ pick, below }: Random): string {
  const parts = Array.from({ length: below(4) }, () => pick(below(3) === 0 ? words : numbers))
  return parts.map((part) => `${pick(['.', '-', '+', ''])}${part}`).join('')
}

describe(
  'versions',
  async () => ({}),
  (test) => {
    test('have one key exactly when none is the later one', () => {
      let equal = 0
      for (const seed of fuzz('version keys', 1).rounds()) {
        const random = randomFrom(seed)
        for (let pair = 0; pair < 20_000; pair++) {
          const [one, other] = [versionParts(anyVersion(random)), versionParts(anyVersion(random))]
          const isEqual = compareVersions(one, other) === 0
          equal += Number(isEqual)
          assert.is(versionKey(one) === versionKey(other), isEqual, `${one.join()} ${other.join()}`)
        }
      }
      assert.ok(equal > 100)
    })
  },
)

describe(
  'constraints',
  async () => ({}),
  (test) => {
    for (const [text, met] of constraints) {
      const what = met === undefined ? 'is none' : 'is met by the versions that Composer says'
      test(`"${text.slice(0, 20)}" ${what}`, () => {
        const constraint = parseConstraint(text)
        const found =
          constraint && versions.map((version) => (satisfies(version, constraint) ? 'x' : '.'))
        assert.is(found?.join(''), met)
      })
    }

    const bad = [
      '',
      '=>=5',
      'foo',
      '~~',
      '>=5 foo',
      '^1.0 || nonsense',
      '1.0.0.0.0.0',
      '1 ||',
      ',1',
    ]
    bad.push('>=1.2 - 2.0', '>1.x', '^*', '~>1.2', '>', 'x'.repeat(3000), '1\0', '1\f|2')
    for (const text of bad) {
      test(`"${text.slice(0, 20)}" is none`, () => {
        assert.is(parseConstraint(text), undefined)
        assert.not.ok(isLinkConstraint(text))
      })
    }

    test('of links may be the version of the package itself', () => {
      assert.ok(isLinkConstraint('self.version'))
      assert.ok(isLinkConstraint('^1.0 || ^2.0'))
    })

    test('may be as long as a list of malware has them, and no longer', () => {
      const longest = '1|'.repeat(constraintLengthMax / 2 - 1) + '2'
      assert.is(longest.length, constraintLengthMax - 1)
      const constraint = parseConstraint(longest)
      assert.ok(constraint)
      assert.ok(satisfies('2.0.0.0', constraint))
      assert.not.ok(satisfies('3.0.0.0', constraint))
      assert.ok(isLinkConstraint(longest))
      for (const tooLong of [`${longest}00`, `${longest}${' '.repeat(2)}`]) {
        assert.is(parseConstraint(tooLong), undefined)
        assert.not.ok(isLinkConstraint(tooLong))
      }
    })

    test('mean the same by themselves and beside versions that are named one by one', () => {
      for (const [text, met] of constraints) {
        const constraint = parseConstraint(`7.7.7.1 | ${text} || 7.7.7.2|dev-nobodys`)
        const found =
          constraint && versions.map((version) => (satisfies(version, constraint) ? 'x' : '.'))
        assert.is(found?.join(''), met, text.slice(0, 80))
        assert.ok(constraint === undefined || constraint.versionKeys.size >= 3)
      }
    })

    test('may have one alternative of all that length', () => {
      const constraint = parseConstraint(`>=1.0${',!=1.2.3'.repeat(4_000)}`)
      assert.ok(constraint)
      assert.not.ok(satisfies('1.2.3.0', constraint))
      assert.ok(satisfies('1.2.4.0', constraint))
    })
  },
)
