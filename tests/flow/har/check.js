// check.js FILE...: exits with 0 if each is valid by the JSON schema that is published for HAR 1.2; else says why not.
'use strict';

const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');

// Where tests/run has put what package-lock.json names.
const load = createRequire(join(process.env.HAR_CHECK_MODULES, 'package.json'));
const validate = load('har-validator');

async function check(file) {
  try {
    await validate.har(JSON.parse(readFileSync(file, 'utf8')));
    return true;
  } catch (e) {
    for (const error of e.errors ?? [e]) {
      console.error(`${file}: ${error.dataPath ?? ''} ${error.message} ${JSON.stringify(error.params ?? {})}`);
    }
    return false;
  }
}

Promise.all(process.argv.slice(2).map(check)).then((results) => {
  process.exitCode = results.length > 0 && results.every(Boolean) ? 0 : 1;
});
