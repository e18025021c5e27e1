// Takes Kubewa's webhooks. WEBHOOK_KEY is the endpoint's whsec_…, or its public whpk_…; Node alone is enough.

import crypto from 'node:crypto';
import http from 'node:http';

// True for a webhook that is Kubewa's, unchanged, and at most five minutes old. `body` is a Buffer, as it came.
function verify(key, headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': time = '', 'webhook-signature': signatures = '' } = headers;
  if (!id || !/^\d+$/.test(time) || Math.abs(Date.now() / 1000 - Number(time)) > 300) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${time}.`), body]);
  return signatures.split(' ').some((each) => {
    const [version, code = ''] = each.split(',');
    const given = Buffer.from(code, 'base64');
    if (version === 'v1' && key.startsWith('whsec_')) {
      const secret = Buffer.from(key.slice(6), 'base64');
      const right = crypto.createHmac('sha256', secret).update(signed).digest();
      return secret.length >= 24 && given.length === right.length && crypto.timingSafeEqual(given, right);
    }
    if (version === 'v1a' && key.startsWith('whpk_')) {
      const x = Buffer.from(key.slice(5), 'base64').toString('base64url');
      const publicKey = crypto.createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
      return crypto.verify(null, signed, publicKey, given);
    }
    return false;
  });
}

function handle(event) {
  console.log(event.event_id, event.event);
}

// In your own server this is a unique column, written in the transaction that does the work.
const done = new Set();

http.createServer(async (request, response) => {
  let status = 401;
  try {
    const pieces = [];
    let length = 0;
    for await (const piece of request) {
      if ((length += piece.length) > 1 << 20) throw new Error('a body is longer than 1 MiB');
      pieces.push(piece);
    }
    const body = Buffer.concat(pieces);
    const id = request.headers['webhook-id'];
    if (verify(process.env.WEBHOOK_KEY, request.headers, body)) {
      if (!done.has(id)) await handle(JSON.parse(body));
      done.add(id);
      status = 204;
    }
  } catch (error) {
    console.error(error);
    status = 500;
  }
  response.writeHead(status).end();
}).listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
