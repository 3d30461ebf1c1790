// Words: which of a text's words another one does not have.

/** More comparisons than this are not made; then nothing is marked. */
const MOST = 2_000_000;

const parts = (text) => text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];

/** The words of `text` in order, each as `[word, whether `other` lacks it there]`. */
export function marked(text, other) {
  const [own, others] = [parts(text), parts(other)];
  if (own.length * others.length > MOST) return [[text, false]];
  const kept = longest(own, others);
  const runs = [];
  own.forEach((word, place) => {
    const isNew = !kept.has(place) && word.trim() !== "";
    const last = runs.at(-1);
    if (last && last[1] === isNew) last[0] += word;
    else runs.push([word, isNew]);
  });
  return runs;
}

/** The places in `own` of the longest run of words that both have in this order. */
function longest(own, others) {
  const width = others.length + 1;
  const lengths = new Uint32Array((own.length + 1) * width);
  for (let a = own.length - 1; a >= 0; a--) {
    for (let b = others.length - 1; b >= 0; b--) {
      lengths[a * width + b] = own[a] === others[b]
        ? lengths[(a + 1) * width + b + 1] + 1
        : Math.max(lengths[(a + 1) * width + b], lengths[a * width + b + 1]);
    }
  }
  const kept = new Set();
  for (let a = 0, b = 0; a < own.length && b < others.length;) {
    if (own[a] === others[b]) {
      kept.add(a);
      a++;
      b++;
    } else if (lengths[(a + 1) * width + b] >= lengths[a * width + b + 1]) a++;
    else b++;
  }
  return kept;
}
