/** Probabilities as texts: 0 % and 100 % only where the service says so. */

/** @param {number} probability */
export function percent(probability) {
  if (probability === 0 || probability === 1) return `${probability * 100} %`;
  if (probability < 0.001) return "< 0.1 %";
  if (probability > 0.999) return "> 99.9 %";
  return `${(probability * 100).toFixed(1)} %`;
}

/** @param {string} text */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
