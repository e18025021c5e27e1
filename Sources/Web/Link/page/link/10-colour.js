/* Colours of a brand, changed as little as keeps every text readable (WCAG AA: 4.5 to 1). */
(function (link) {
  'use strict';

  const TEXT = 4.5, SHAPE = 1.35;

  function parse(hex) {
    const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(hex);
    const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
    const found = long || short;
    if (!found) return null;
    return found.slice(1).map(function (part) { return parseInt(long ? part : part + part, 16); });
  }

  function luminance(rgb) {
    const linear = rgb.map(function (value) {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4);
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  }

  function contrast(one, other) {
    const a = luminance(one), b = luminance(other);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }

  function css(rgb) {
    return 'rgb(' + rgb.map(Math.round).join(',') + ')';
  }

  /* Moves a colour away from the ground, step by step, until the contrast is reached. */
  function apart(rgb, ground, wanted) {
    const end = luminance(ground) > 0.18 ? 0 : 255;
    let now = rgb;
    for (let step = 0; step < 40 && contrast(now, ground) < wanted; step += 1) {
      now = now.map(function (value) { return value + (end - value) * 0.08; });
    }
    return contrast(now, ground) < wanted ? [end, end, end] : now;
  }

  /*
   * The fill of buttons and the text on it. A light colour stays itself and gets dark text; others get white text, and
   * are darkened where that is needed. A fill that would vanish in the ground is moved away from it.
   */
  function button(rgb, ground) {
    const white = [255, 255, 255], black = [12, 16, 20];
    const fill = apart(rgb, ground, SHAPE);
    if (contrast(fill, white) >= 3) {
      const darker = apart(fill, white, TEXT);
      if (contrast(darker, ground) >= SHAPE) return { fill: darker, text: white };
    }
    return { fill: apart(fill, black, TEXT), text: black };
  }

  link.colours = function (hex, groundHex) {
    const rgb = parse(hex), ground = parse(groundHex);
    if (!rgb || !ground) return null;
    const filled = button(rgb, ground);
    return {
      accent: css(apart(rgb, ground, TEXT)), fill: css(filled.fill), onFill: css(filled.text),
      ratio: contrast(filled.fill, filled.text)
    };
  };

  /* Sets the brand's colours for the ground that is in use, again when the visitor's setting changes. */
  link.paint = function (branding) {
    const root = document.documentElement;
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    if (branding.mode === 'light' || branding.mode === 'dark') root.setAttribute('data-theme', branding.mode);
    function apply() {
      if (!branding.color) return;
      const found = link.colours(branding.color, getComputedStyle(root).getPropertyValue('--ground').trim());
      if (!found) return;
      root.style.setProperty('--accent', found.accent);
      root.style.setProperty('--fill', found.fill);
      root.style.setProperty('--on-fill', found.onFill);
    }
    apply();
    if (dark.addEventListener) dark.addEventListener('change', apply);
  };
})(window.kubewaLink);
