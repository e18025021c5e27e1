/// The shop's one page. It is plain HTML, so that what belongs to Kubewa stands out: one script, one call.
enum ShopPage {
    static func html(_ settings: ShopSettings) -> String {
        template
            .replacing("{{kubewa}}", with: escaped(settings.kubewa))
            .replacing("{{token}}", with: escaped(settings.clientToken))
            .replacing("{{key}}", with: escaped(settings.publicKey))
            .replacing("{{env}}", with: escaped(settings.environment))
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }

    private static let template = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Demo Shop</title>
        <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E
        %3Crect width='16' height='16' rx='4' fill='%230b6b4f'/%3E
        %3Cpath d='M4 6h8l-1 6H5z' fill='%23fff'/%3E%3C/svg%3E">
        <link rel="stylesheet" href="/shop.css">
        <script id="widget-script" src="{{kubewa}}/v2/bundle.js" defer></script>
        <script src="/shop.js" defer></script>
        </head>
        <body data-kubewa="{{kubewa}}" data-token="{{token}}" data-key="{{key}}" data-env="{{env}}">
        <a class="skip" href="#checkout">Skip to the checkout</a>
        <header>
          <svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path
            d="M5 9h14l-1.2 11H6.2zM9 9a3 3 0 0 1 6 0"/></svg>
          <div><h1>Demo Shop</h1><p>Waits for bank transfers with Kubewa, sandbox money only</p></div>
          <p id="live" data-state="off" role="status">connecting …</p>
        </header>
        <div id="problem" class="problem" role="alert" hidden>
          <p id="problem-text"></p><button type="button" id="retry" class="plain">Try again</button>
        </div>
        <main>
        <div class="till">
          <section class="card" aria-labelledby="bank-title">
            <p class="step" aria-hidden="true">1</p>
            <h2 id="bank-title">The shop’s bank account</h2>
            <p>Customers pay into it. Once it is linked, Kubewa tells the shop of every transfer.</p>
            <div id="account-row" hidden>
              <label for="account">Paid into</label>
              <select id="account"></select>
            </div>
            <button type="button" id="link-bank">Link your bank</button>
            <p id="link-result" class="quiet" role="status">Sandbox: any bank, user name “success”, password “pass”.</p>
          </section>
          <section class="card" id="checkout" aria-labelledby="checkout-title" tabindex="-1">
            <p class="step" aria-hidden="true">2</p>
            <h2 id="checkout-title">Checkout</h2>
            <div class="item">
              <svg class="picture" viewBox="0 0 24 24" aria-hidden="true">
                <path d="M4 9h16l-1.5 12h-13zM8 9c0-6 8-6 8 0"/>
                <path class="cloth" d="M4.6 13.5l3.4-3 4 3 4-3 3.4 3M5.1 17.5l2.9-3 4 3 4-3 2.9 3"/>
              </svg>
              <span>Ankara tote bag<small>One size, made in Lagos</small></span>
              <strong>₦4,500</strong>
            </div>
            <div id="order" data-state="none" tabindex="-1">
              <p id="order-text" class="verdict" role="status"></p>
              <p id="order-note" class="quiet" role="status"></p>
              <p id="took" class="took" hidden></p>
            </div>
            <button type="button" id="pay" disabled>Pay ₦4,500 by transfer</button>
            <button type="button" id="cancel" class="plain" hidden>Cancel the order</button>
          </section>
          <section class="card bank" aria-labelledby="customer-title">
            <p class="step" aria-hidden="true">3</p>
            <h2 id="customer-title">The customer’s bank</h2>
            <p>Played by the sandbox: these buttons post money on the account above.</p>
            <div class="buttons">
              <button type="button" id="send-transfer" data-amount="450000" data-channel="nip" disabled>Send by
                transfer</button>
              <button type="button" id="send-ussd" data-amount="450000" data-channel="ussd" disabled>Send by
                USSD</button>
              <button type="button" id="send-less" class="plain" data-amount="400000" data-channel="nip" disabled>Send
                ₦4,000 (too little)</button>
            </div>
            <p id="send-result" class="quiet" role="status">They wake when an order waits.</p>
          </section>
        </div>
        <section class="card inbox" aria-labelledby="inbox-title">
          <h2 id="inbox-title">Webhooks <span id="inbox-count" class="count">0</span></h2>
          <p class="quiet">What reaches <code>/hook</code>, newest first. Open one to see its JSON.</p>
          <p id="inbox-empty" class="empty">Nothing yet. Link a bank, and its events arrive here.</p>
          <ol id="inbox" tabindex="0" aria-label="Webhooks, newest first"></ol>
        </section>
        </main>
        <noscript><p class="problem">This page needs JavaScript: it shows webhooks as they arrive.</p></noscript>
        <footer>Kubewa is at <a href="{{kubewa}}">{{kubewa}}</a>. No real money moves here.</footer>
        </body>
        </html>
        """#
}
