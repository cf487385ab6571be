import * as assert from 'uvu/assert'
import { isLinkConstraint, parseConstraint, satisfies } from '../../src/composer/constraints.ts'
import { describe } from '../support/suite.ts'

/** Normalized, from the earliest; then branches, which have no order. */
const versions = [
  '0.0.3.0',
  '0.0.4.0',
  '0.1.5.0',
  '1.0.0.0',
  '1.0.2.0',
  '1.2.0.0-dev',
  '1.2.0.0-alpha1',
  '1.2.0.0-beta1',
  '1.2.0.0-beta2',
  '1.2.0.0-RC1',
  '1.2.0.0',
  '1.2.0.0-patch1',
  '1.2.3.0',
  '1.2.9999999.9999999-dev',
  '1.10.0.0',
  '1.9999999.9999999.9999999-dev',
  '2.0.0.0-dev',
  '2.0.0.0',
  '2.0.1.0',
  '2.0.43.0',
  '3.0.62.0',
  '2024.05.01.0',
  'dev-main',
  'dev-master',
  'dev-feature/x',
]

/** Which of them each constraint is met by (x), as composer/semver 3.3.2 said. */
const table = [
  ['*', 'xxxxxxxxxxxxxxxxxxxxxxxxx'],
  ['1.0.2', '....x....................'],
  ['1.0.2|2.0.43|3.0.62', '....x..............xx....'],
  ['v1.2.3', '............x............'],
  ['=1.2', '..........x..............'],
  ['!=1.2', 'xxxxxxxxxx.xxxxxxxxxxxxxx'],
  ['<>1.2', 'xxxxxxxxxx.xxxxxxxxxxxxxx'],
  ['>1.2', '...........xxxxxxxxxxx...'],
  ['>=1.2', '.....xxxxxxxxxxxxxxxxx...'],
  ['<1.2', 'xxxxx....................'],
  ['<=1.2', 'xxxxxxxxxxx..............'],
  ['>=1.2-RC1', '.........xxxxxxxxxxxxx...'],
  ['>=1.2-beta1', '.......xxxxxxxxxxxxxxx...'],
  ['<1.2-alpha', 'xxxxxx...................'],
  ['>=1.2,<2', '.....xxxxxxxxxxx.........'],
  ['>= 1.2 < 2', '.....xxxxxxxxxxx.........'],
  ['>=1.2 <2 || dev-main', '.....xxxxxxxxxxx......x..'],
  ['^1.2', '.....xxxxxxxxxxx.........'],
  ['^0.1', '..x......................'],
  ['^0.0.3', 'x........................'],
  ['^1.2-RC1', '.........xxxxxxx.........'],
  ['^1.2.x-dev', '.............xxx.........'],
  ['~1.2', '.....xxxxxxxxxxx.........'],
  ['~1.2.3', '............xx...........'],
  ['~1', '...xxxxxxxxxxxxx.........'],
  ['~1.2-beta', '.......xxxxxxxxx.........'],
  ['1.*', '...xxxxxxxxxxxxx.........'],
  ['1.2.x', '.....xxxxxxxxx...........'],
  ['0.*', 'xxx......................'],
  ['1.0 - 2.0', '...xxxxxxxxxxxxxxxxx.....'],
  ['1.0 - 2.0.0', '...xxxxxxxxxxxxxxx.......'],
  ['1.2-beta1 - 2', '.......xxxxxxxxxxxxx.....'],
  ['dev-main', '......................x..'],
  ['dev-main#abc', '......................x..'],
  ['master', '.......................x.'],
  ['feature/x-dev', '........................x'],
  ['!=dev-main', 'xxxxxxxxxxxxxxxxxxxxxx.xx'],
  ['<dev-main', '.........................'],
  ['1.x-dev', '...............x.........'],
  ['1.2.x-dev', '.............x...........'],
  ['>=1.x-dev', '...............xxxxxxx...'],
  ['@dev', 'xxxxxxxxxxxxxxxxxxxxxxxxx'],
  ['1.2@beta', '..........x..............'],
  ['>=1.2@beta', '.......xxxxxxxxxxxxxxx...'],
  ['1.2 as 3.0', '..........x..............'],
  ['1.2-p1', '...........x.............'],
  ['>1.2-p1', '............xxxxxxxxxx...'],
  ['2024.05.01', '.....................x...'],
  ['<2024-05-02', 'xxxxxxxxxxxxxxxxxxxxxx...'],
] as const

describe(
  'constraints',
  async () => ({}),
  (test) => {
    for (const [text, met] of table) {
      test(`"${text}" is met by the versions that Composer says`, () => {
        const constraint = parseConstraint(text)
        assert.ok(constraint)
        const found = versions.map((version) => (satisfies(version, constraint) ? 'x' : '.'))
        assert.is(found.join(''), met)
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
    bad.push('>=1.2 - 2.0', '>1.x', '^*', '~>1.2', '>', 'x'.repeat(3000), '1 '.repeat(3000))
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

    test('may list as many versions as a list of malware does', () => {
      const many = Array.from({ length: 5_000 }, (_, minor) => `1.${minor}.0`).join('|')
      const constraint = parseConstraint(many)
      assert.ok(constraint)
      assert.ok(satisfies('1.4999.0.0', constraint))
      assert.not.ok(satisfies('1.5000.0.0', constraint))
      assert.not.ok(isLinkConstraint(many), 'but no link has so many')
    })

    test('are read in linear time, however they are written', () => {
      const begun = performance.now()
      for (const part of [' ', '1.', '1,', 'a ', '1 - ', '||', '-dev', '@dev', '#', '.x']) {
        parseConstraint(part.repeat(2000 / part.length))
      }
      assert.ok(performance.now() - begun < 500)
    })
  },
)
