// Evaluates JSONata: an expression as a JSON line in, its value as a JSON line out.
const jsonata = require('jsonata');
const out = (v) => process.stdout.write(JSON.stringify(v) + '\n');
require('readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  try {
    const value = await jsonata(JSON.parse(line)).evaluate(undefined);
    out({ ok: value === undefined ? null : value });
  } catch (e) {
    out({ err: String(e.message) });
  }
});
