import * as assert from 'uvu/assert'
import { isBranch, normalizeVersion } from '../../src/composer/versions.ts'
import { patientMs } from '../support/slowness.ts'
import { describe } from '../support/suite.ts'

function isNormalizedTo(pairs: Readonly<Record<string, string>>): void {
  for (const [version, normalized] of Object.entries(pairs)) {
    assert.is(normalizeVersion(version), normalized, version)
  }
}

describe(
  'normalized versions',
  async () => ({}),
  (test) => {
    test('of releases have four numbers', () => {
      isNormalizedTo({
        '1.2.3': '1.2.3.0',
        'v1.2.3': '1.2.3.0',
        'V1.2': '1.2.0.0',
        '1': '1.0.0.0',
        '1.2.3.4': '1.2.3.4',
        '00.01.03': '00.01.03.0',
        '1.2.3+build.5': '1.2.3.0',
        ' 1.2.3 ': '1.2.3.0',
      })
    })

    test('spell the stability in one way', () => {
      isNormalizedTo({
        '1.0.0-beta2': '1.0.0.0-beta2',
        '1.0.0b2': '1.0.0.0-beta2',
        '1.0.0.RC.15': '1.0.0.0-RC15',
        '1.0.0-rc1': '1.0.0.0-RC1',
        '1.0-alpha.3.1': '1.0.0.0-alpha3.1',
        '1.0.0-pl3': '1.0.0.0-patch3',
        '1.0.0-p1': '1.0.0.0-patch1',
        '1.0.0_patch': '1.0.0.0-patch',
        '1.0.0-stable': '1.0.0.0',
        '2.0.0-alpha1-dev': '2.0.0.0-alpha1-dev',
        '1.0-dev': '1.0.0.0-dev',
      })
    })

    test('of dates keep their numbers', () => {
      isNormalizedTo({
        '2010.01': '2010.01.0.0',
        '20100102': '20100102',
        '2010-01-02': '2010.01.02',
        '2010-01-02.5': '2010.01.02.5',
        '20100102-203040-p1': '20100102.203040-patch1',
        '2024.05.01.12.30': '2024.05.01.12.30',
      })
    })

    test('of branches are dev versions, numbered ones above every release', () => {
      isNormalizedTo({
        'dev-main': 'dev-main',
        'dev-feature/Foo#1': 'dev-feature/Foo#1',
        'DEV-main': 'dev-main',
        master: 'dev-master',
        trunk: 'dev-trunk',
        '1.x-dev': '1.9999999.9999999.9999999-dev',
        'v2.4.x-dev': '2.4.9999999.9999999-dev',
        '1.*-dev': '1.9999999.9999999.9999999-dev',
        '1.2.X.dev': '1.2.9999999.9999999-dev',
      })
    })

    test('read the syntax of requirements as Composer does', () => {
      isNormalizedTo({ '1.0.0@beta': '1.0.0.0', 'dev-main as 1.0.0': 'dev-main' })
    })

    test('of what Composer refuses are undefined', () => {
      for (const version of [
        '',
        'main',
        'a',
        '1.0.0-meh',
        '1.0.0.0.0',
        '1.0 .2',
        'feature-dev',
        '^1.0',
      ]) {
        assert.is(normalizeVersion(version), undefined, version)
      }
    })

    test('of branches are told from those of tags', () => {
      for (const branch of ['dev-main', 'dev-feature/x', '1.x-dev', 'master']) {
        assert.ok(isBranch(normalizeVersion(branch) ?? ''), branch)
      }
      for (const tag of ['1.0', '2.0-beta1', '20240501']) {
        assert.not(isBranch(normalizeVersion(tag) ?? ''), tag)
      }
    })

    test('are found in no time, however the version is built', () => {
      const worst = [
        `1.0-beta${'1'.repeat(50_000)}!`,
        `1.0-beta${'.1'.repeat(50_000)}!`,
        `20240501${'1'.repeat(50_000)}`,
        `${'-'.repeat(50_000)}dev`,
        `x${' '.repeat(50_000)}as`,
        `1${'+'.repeat(50_000)} `.repeat(2),
      ]
      const startedAt = performance.now()
      for (const version of worst) assert.is(normalizeVersion(version), undefined)
      assert.ok(performance.now() - startedAt < patientMs(1000))
    })
  },
)
