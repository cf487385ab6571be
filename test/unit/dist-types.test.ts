import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { beginsLike } from '../../src/archives/dist-types.ts'
import { describe } from '../support/suite.ts'
import { tar } from '../support/tar.ts'
import { zip } from '../support/zip.ts'

const entries = [{ path: 'a/composer.json', content: '{}' }]
const login = Buffer.from(`<!doctype html><title>Log in</title>${'<p>Please log in'.repeat(30)}`)
const archives: readonly (readonly [string, Buffer])[] = [
  ['zip', zip(entries)],
  ['zip', zip([])],
  ['tar', tar(entries)],
  ['tar', gzipSync(tar(entries))],
  ['tar', Buffer.from('BZh91AY&SY')],
  ['gzip', gzipSync('x')],
  ['xz', Buffer.from('\xfd7zXZ\0\0', 'latin1')],
  ['rar', Buffer.from('Rar!\x1a\x07\0', 'latin1')],
  ['rar', Buffer.from('Rar!\x1a\x07\x01\0', 'latin1')],
  ['phar', Buffer.from('<?php __HALT_COMPILER(); ?>')],
  ['phar', Buffer.from('#!/usr/bin/env php\n<?php')],
  ['phar', zip(entries)],
]

describe(
  'the beginnings of archives',
  async () => ({}),
  (test) => {
    test('are known for each type, however many bytes have come', () => {
      for (const [type, bytes] of archives) {
        for (let length = 0; length <= bytes.length; length++) {
          assert.ok(beginsLike(type, bytes.subarray(0, length)), `${type}, ${length} bytes`)
        }
      }
    })

    test('are not those of a page, nor of another type', () => {
      for (const type of ['zip', 'tar', 'gzip', 'xz', 'rar', 'phar']) {
        assert.not(beginsLike(type, login), type)
      }
      assert.not(beginsLike('gzip', zip(entries)))
      assert.not(beginsLike('zip', gzipSync('x')))
      assert.not(beginsLike('tar', Buffer.concat([zip(entries), Buffer.alloc(512)])))
    })

    test('say nothing of what may be any file', () => {
      assert.ok(beginsLike('file', login))
    })
  },
)
