<?php
// Takes Kubewa's webhooks. WEBHOOK_KEY is the endpoint's whsec_…, or its public whpk_….
//   WEBHOOK_KEY=whsec_… DONE=/tmp/done php -S 127.0.0.1:3000 receive.php

// True for a webhook that is Kubewa's, unchanged, and at most five minutes old.
function verify(string $key, string $id, string $time, string $signatures, string $body): bool
{
    if ($id === '' || !ctype_digit($time) || abs(time() - (int) $time) > 300) {
        return false;
    }
    $signed = "$id.$time.$body";
    foreach (explode(' ', $signatures) as $each) {
        [$version, $code] = explode(',', $each, 2) + ['', ''];
        $given = base64_decode($code);
        if ($version === 'v1' && str_starts_with($key, 'whsec_')) {
            $secret = (string) base64_decode(substr($key, 6), true);
            $right = hash_hmac('sha256', $signed, $secret, true);
            if (strlen($secret) >= 24 && hash_equals($right, $given)) {
                return true;
            }
        }
        if ($version === 'v1a' && str_starts_with($key, 'whpk_') && strlen($given) === 64) {
            if (sodium_crypto_sign_verify_detached($given, $signed, base64_decode(substr($key, 5)))) {
                return true;
            }
        }
    }
    return false;
}

function handle(array $event): void
{
    file_put_contents('php://stdout', "{$event['event_id']} {$event['event']}\n");
}

$body = file_get_contents('php://input');
$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$isGenuine = verify(
    getenv('WEBHOOK_KEY'), $id, $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '', $body
);
// In your own server this is a unique column, written in the transaction that does the work.
$done = getenv('DONE') . '/' . hash('sha256', $id);
if ($isGenuine && !file_exists($done)) {
    handle(json_decode($body, true));
    touch($done);
}
http_response_code($isGenuine ? 204 : 401);
