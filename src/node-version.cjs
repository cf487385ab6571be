'use strict'
// Ends the process with one sentence where Node.js is too old. It is run before anything that such a Node.js
// couldn't even read, so it is in the oldest JavaScript and needs nothing else.
var needed = /\d+(\.\d+)*/.exec(require('../package.json').engines.node)[0]
var found = process.versions.node

function isOlder(version, than) {
  var parts = version.split('.')
  var others = than.split('.')
  for (var index = 0; index < others.length; index++) {
    var difference = Number(parts[index]) - Number(others[index])
    if (difference !== 0) return difference < 0
  }
  return false
}

if (isOlder(found, needed)) {
  process.stderr.write(
    'almanac: Node.js ' + needed + ' or newer is needed, and this is ' + found + '.\n',
  )
  process.exit(1)
}
