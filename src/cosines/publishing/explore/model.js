// The mathematics of the page: functions of numbers, none of which knows the document.
// Items stand in the order in which they are shown; d is given by its logarithms.

/** The model of Eq. 1 from its numbers: V is n x k, row after row; dimension l has the weight w[l]. */
export function makeModel({ n, k, step, lam, sigma, cluster, users }, integers) {
  const V = Float64Array.from(integers, (x) => x * step);
  const w = sigma.map((s) => 1 / (1 + lam / (s * s)));
  return { n, k, V, w, sigma, cluster, users, even: w.map(Math.sqrt) };
}

/** Item i of the even split V w^(1/2) rescaled by D^-1. */
export function embedding({ V, k, even }, logD, i) {
  return Array.from({ length: k }, (_, l) => V[i * k + l] * even[l] * Math.exp(-logD[l]));
}

/** log d at which items are embedded as V w^g. */
export const ofExponent = (model, g) => model.w.map((x) => (0.5 - g) * Math.log(x));

/** log d of D = dMat(sqrt(1 / sigma)), which Steck et al. name. */
export const ofSigma = (model) => model.sigma.map((s) => -0.5 * Math.log(s));

/** log d at which the cosines of items are those of their predictions: V w sigma. */
export const ofPredictions = (model) =>
  model.w.map((x, l) => -0.5 * Math.log(x) - Math.log(model.sigma[l]));

/** Condition number of D. */
export const condition = (logD) => Math.exp(Math.max(...logD) - Math.min(...logD));

/** Scores x^T A B^T of some users for all items, one user after the other, from the factors. */
export function predictions({ n, k, V, even, users }, logD) {
  const a = even.map((x, l) => x * Math.exp(logD[l]));
  const b = even.map((x, l) => x * Math.exp(-logD[l]));
  const scores = new Float64Array(users.length * n);
  users.forEach((items, u) => {
    const P = a.map((scale, l) => items.reduce((sum, i) => sum + V[i * k + l], 0) * scale);
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += P[l] * V[i * k + l] * b[l];
      scores[u * n + i] = sum;
    }
  });
  return scores;
}

/** Space for the cosines of n items of k dimensions; n is rounded up to a multiple of three. */
export function makeSpace(n, k) {
  const side = 3 * Math.ceil(n / 3);
  return { n, k, side, U: new Float32Array(side * k), S: new Float32Array(side * side) };
}

/** Fill space.S with the cosines of all pairs. Blocks of 3 x 3 keep the processor busy. */
export function fillCosines({ n, k, side, U, S }, { V, even }, logD) {
  const scale = even.map((x, l) => x * Math.exp(-logD[l]));
  for (let i = 0; i < n; i++) {
    let square = 0;
    for (let l = 0; l < k; l++) square += (V[i * k + l] * scale[l]) ** 2;
    const length = Math.sqrt(square);
    for (let l = 0; l < k; l++) U[i * k + l] = (V[i * k + l] * scale[l]) / length;
  }
  for (let i = 0; i < side; i += 3) {
    const a = i * k, b = a + k, c = b + k;
    for (let j = i; j < side; j += 3) {
      const d = j * k, e = d + k, f = e + k;
      let ad = 0, ae = 0, af = 0, bd = 0, be = 0, bf = 0, cd = 0, ce = 0, cf = 0;
      for (let l = 0; l < k; l++) {
        const p = U[a + l], q = U[b + l], r = U[c + l], x = U[d + l], y = U[e + l], z = U[f + l];
        ad += p * x; ae += p * y; af += p * z;
        bd += q * x; be += q * y; bf += q * z;
        cd += r * x; ce += r * y; cf += r * z;
      }
      const at = i * side + j;
      S[at] = ad; S[at + 1] = ae; S[at + 2] = af;
      S[at + side] = bd; S[at + side + 1] = be; S[at + side + 2] = bf;
      S[at + 2 * side] = cd; S[at + 2 * side + 1] = ce; S[at + 2 * side + 2] = cf;
    }
  }
  for (let i = 0; i < side; i++) {
    S[i * side + i] = 1;
    for (let j = i + 1; j < side; j++) S[j * side + i] = S[i * side + j];
  }
}

/** ROC AUC of "same cluster" over all pairs, counted in a million bins; one bin's ties count half. */
export function clusterAuc({ n, side, S }, cluster) {
  const bins = 1 << 20;
  const within = new Uint32Array(bins + 1), across = new Uint32Array(bins + 1);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const bin = Math.min(bins, Math.max(0, Math.round((S[i * side + j] + 1) * (bins / 2))));
      (cluster[i] === cluster[j] ? within : across)[bin]++;
    }
  }
  let below = 0, beaten = 0, pairs = 0;
  for (let bin = 0; bin <= bins; bin++) {
    beaten += within[bin] * (below + across[bin] / 2);
    below += across[bin];
    pairs += within[bin];
  }
  return beaten / (pairs * below);
}

/** The ten most similar items of each item, the most similar first; of equal ones the first. */
export function nearestLists({ n, k, V, even }, logD, count = 10) {
  // In double precision: where thousands of cosines are nearly 1, single precision mixes them up.
  const scale = even.map((x, l) => x * Math.exp(-logD[l]));
  const U = V.map((x, at) => x * scale[at % k]);
  for (let i = 0; i < n; i++) {
    const one = U.subarray(i * k, i * k + k), length = Math.hypot(...one);
    for (let l = 0; l < k; l++) one[l] /= length;
  }
  const lists = [];
  for (let i = 0; i < n; i++) {
    const found = [], values = [];
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      let s = 0;
      for (let l = 0; l < k; l++) s += U[i * k + l] * U[j * k + l];
      if (found.length === count && s <= values[count - 1]) continue;
      let at = found.length;
      while (at > 0 && values[at - 1] < s) at--;
      found.splice(at, 0, j);
      values.splice(at, 0, s);
      if (found.length > count) { found.pop(); values.pop(); }
    }
    lists.push(found);
  }
  return lists;
}

/** Mean share of each list that the list beside it holds as well. */
export function overlap(lists, others) {
  const shared = lists.map((list, i) => list.filter((j) => others[i].includes(j)).length / list.length);
  return shared.reduce((sum, x) => sum + x, 0) / lists.length;
}

/** Infimum and supremum of the cosine of u and v over all D (Theorem 6). */
export function attainableRange(u, v) {
  const products = u.map((x, l) => Math.sign(x) * Math.sign(v[l]));
  const positive = products.includes(1), negative = products.includes(-1);
  const logs = u.map((x, l) => Math.log(Math.abs(x)) - Math.log(Math.abs(v[l]))).filter((x) => !Number.isNaN(x));
  const spread = Math.max(...logs) - Math.min(...logs);
  const bound = (2 * Math.exp(-spread / 2)) / (1 + Math.exp(-spread));
  return [negative ? -1 : positive ? bound : 0, positive ? 1 : negative ? -bound : 0];
}

/** Ends of the cosine of u and v over D of condition at most kappa, and weights that attain them. */
export function rangeAtCondition(u, v, kappa) {
  // Theorem 8: in the order of u / v, weights of a run of dimensions are 1 and all others kappa^2,
  // or the reverse; one weight at a border of the run may lie in between.
  const k = u.length;
  const order = [...u.keys()].sort((a, b) => ratio(u, v, a) - ratio(u, v, b));
  const terms = order.map((l) => [u[l] * v[l], u[l] * u[l], v[l] * v[l]]);
  const sums = [[0, 0, 0]];
  for (const term of terms) sums.push(sums.at(-1).map((x, m) => x + term[m]));
  const low = { value: Infinity }, high = { value: -Infinity };
  for (const [inside, outside] of [[1, kappa ** 2], [kappa ** 2, 1]]) {
    for (let first = 0; first < k; first++) {
      for (let last = first; last < k; last++) {
        for (const border of [first, last]) {
          const free = terms[border];
          const fixed = free.map((x, m) =>
            outside * sums[k][m] + (inside - outside) * (sums[last + 1][m] - sums[first][m]) - inside * x);
          for (const e of [inside, Math.min(kappa ** 2, Math.max(1, stationary(fixed, free)))]) {
            const [N, P, Q] = fixed.map((x, m) => x + e * free[m]);
            const value = N / Math.sqrt(P * Q);
            const found = { value, inside, outside, first, last, border, e };
            if (value < low.value) Object.assign(low, found);
            if (value > high.value) Object.assign(high, found);
          }
        }
      }
    }
  }
  return [low, high].map((end) => {
    const logD = new Array(k);
    order.forEach((l, at) => {
      const run = at >= end.first && at <= end.last ? end.inside : end.outside;
      logD[l] = -0.5 * Math.log(at === end.border ? end.e : run);
    });
    return { value: end.value, logD };
  });
}

const ratio = (u, v, l) => (v[l] === 0 ? 0 : u[l] / v[l]);

/** The weight at which the cosine is stationary: sums N, P, Q without it, and its own n, p, q. */
function stationary([N, P, Q], [n, p, q]) {
  const e = (p * N * Q + q * N * P - 2 * n * P * Q) / (n * (P * q + p * Q) - 2 * p * q * N);
  return Number.isNaN(e) ? 1 : e;
}
