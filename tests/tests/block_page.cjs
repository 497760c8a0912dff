// The block page in a real Chromium, as `browser.rs` starts it: node block_page.cjs URL PROFILE CODE [SHOTS]
//
// URL is of a refused site, on the page's port; PROFILE a browser profile whose names come from
// preau; CODE a teacher's code. With SHOTS, a folder, the pictures of docs/ are taken there.
'use strict';
const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

const [url, profile, code, shots] = process.argv.slice(2);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 320, height: 640 };
const WORDS = {
  'fr-FR': { heading: 'Oups, cette page est fermée.', adults: 'Pour les adultes', category: 'jeux d’argent',
    report: 'Signaler l’erreur', thanks: 'Merci', wrong: 'Ce n’est pas le bon code', code: 'Code', open: 'Ouvrir',
    search: 'Cherche autre chose avec Qwant Junior', opened: 'Cette page est ouverte.', home: 'Retourner à l’accueil' },
  'en-GB': { heading: 'Oops, this page is closed.', adults: 'For grown-ups', category: 'gambling',
    report: 'Report the mistake', thanks: 'Thank you', wrong: 'That is not the code', code: 'Code', open: 'Open',
    search: 'Look for something else with Qwant Junior', opened: 'This page is open.', home: 'Back to the start page' },
};

async function visit(locale, options, look) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    env: { ...process.env, HOME: path.dirname(profile) },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--no-proxy-server',
      '--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable'],
    locale, viewport: DESKTOP, reducedMotion: 'reduce', ...options,
  });
  const page = await context.newPage();
  const asked = [], refused = [];
  page.on('request', request => asked.push(request.url()));
  page.on('console', message => { if (/Content Security Policy/.test(message.text())) refused.push(message.text()); });
  const response = await page.goto(url);
  assert.equal(response.status(), 403);
  assert.deepEqual(asked, [url], 'the page asks for nothing else');
  await look(page, WORDS[locale]);
  assert.deepEqual(refused, [], 'nothing of the page is against its own policy');
  await context.close();
}

/// Violations of WCAG A and AA, and of good practice. Evaluated from outside: the page's policy stands.
async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  assert.deepEqual(violations.map(found => [what, found.id, found.nodes.map(node => node.html)]), []);
  assert.ok(passes.length > 15, `${what}: ${passes.length} rules were looked at`);
}

const fits = page => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);

async function looks(page, words, name) {
  for (const [size, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    await page.setViewportSize(viewport);
    for (const open of [false, true]) {
      const fold = page.locator('details');
      if ((await fold.getAttribute('open') !== null) !== open) await page.getByText(words.adults).click();
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await accessible(page, `${name} ${size} ${open ? 'open' : 'closed'} ${colorScheme}`);
      }
      assert.ok(await fits(page), `${name} ${size}: no scrolling sideways`);
    }
  }
  await page.setViewportSize(DESKTOP);
}

async function pictures(page, locale) {
  for (const [size, viewport] of [['desktop', { width: 900, height: 700 }], ['phone', { width: 360, height: 740 }]]) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: size === 'phone' && locale === 'en-GB' ? 'dark' : 'light' });
    if (size === 'phone') await page.locator('summary').click();
    const file = path.join(shots, `block-page-${size}-${locale.slice(0, 2)}.png`);
    await page.screenshot({ path: file, fullPage: true });
  }
}

async function clicks(page, words, { right }) {
  const answer = () => page.locator('[role=status]').innerText();
  // By keyboard alone: the fold is reached and opens, and what has the focus shows it.
  for (let presses = 0; presses < 9; presses++) {
    await page.keyboard.press('Tab');
    if (await page.locator('summary:focus').count()) break;
  }
  await page.keyboard.press('Enter');
  await page.getByText(words.category, { exact: true }).waitFor();
  await page.getByText('starter-gambling', { exact: true }).waitFor();

  await page.getByRole('button', { name: words.report }).click();
  await page.waitForURL('**/_preau/report');
  assert.match(await answer(), new RegExp(words.thanks));

  await page.getByLabel(words.code, { exact: true }).fill('<script>alert(1)</script>');
  await page.getByRole('button', { name: words.open, exact: true }).click();
  await page.waitForURL('**/_preau/unlock');
  assert.match(await answer(), new RegExp(words.wrong));
  assert.ok(!(await page.content()).includes('alert(1)'));

  // The children's engine is asked for exactly this, and nothing of ours is told to it.
  let sent;
  await page.route('https://www.qwantjunior.com/**', route => {
    sent = route.request();
    return route.fulfill({ body: '<title>results</title>' });
  });
  await page.getByLabel(words.search).fill('les dinosaures & moi');
  await page.keyboard.press('Enter');
  await page.waitForURL('https://www.qwantjunior.com/**');
  assert.equal(sent.url(), 'https://www.qwantjunior.com/?q=les+dinosaures+%26+moi');
  assert.equal(sent.headers().referer, undefined);
  if (!right) return;

  await page.goto(url);
  await page.getByText(words.adults).click();
  await page.getByLabel(words.code, { exact: true }).fill(code);
  await page.getByRole('button', { name: words.open, exact: true }).click();
  await page.getByRole('heading', { name: words.opened }).waitFor();
  assert.match(await answer(), /15 min/);
}

(async () => {
  for (const locale of ['fr-FR', 'en-GB']) {
    await visit(locale, {}, async (page, words) => {
      await page.getByRole('heading', { level: 1, name: words.heading }).waitFor();
      assert.equal(await page.getByRole('link', { name: words.home }).getAttribute('href'), 'https://ent.example.org/');
      if (shots) await pictures(page, locale); else await looks(page, words, locale);
    });
    if (shots) continue;
    await visit(locale, { javaScriptEnabled: false }, (page, words) => clicks(page, words, { right: locale === 'en-GB' }));
  }
  console.log('block page: seen');
})().catch(error => { console.error(error); process.exit(1); });
