/*
 * Stands for a loader that customers' pages already have: it does what the published behaviour of that loader is, in
 * that order, and nothing else. No key in the address, no word to the page but the options, messages taken from every
 * origin that begins with `baseUrl`, and only the first key that a message has counts.
 */
(function () {
  const Okra = {baseUrl: 'http://app.okra.ng'};

  function plain(options, more) {
    const data = JSON.parse(JSON.stringify(options));
    data.env = data.env === 'production-sandbox' ? 'production-sandbox' : 'production';
    data.source = data.source || 'integration';
    return Object.assign(data, {hideCardOnExit: true, iframeData: true, withOptions: true}, more);
  }

  function open(address, options, data) {
    const frame = document.createElement('iframe');
    frame.title = 'Link your bank';
    frame.src = address;
    frame.style.cssText = 'position:fixed;top:0;left:0;width:100%;height:100%;border:0;z-index:9999';
    function receive(event) {
      if (event.origin.indexOf(Okra.baseUrl) !== 0) return;
      const message = event.data;
      if (message.ifameLoaded) {
        frame.contentWindow.postMessage(data, '*');
      } else if (message.close) {
        window.removeEventListener('message', receive);
        frame.remove();
        options.onClose();
      } else if (message.success) {
        options.onSuccess(message);
      } else if (message.error) {
        options.onError(message);
      } else if (message.beforeClose) {
        options.beforeClose(message);
      } else if (message.event) {
        options.onEvent(message);
      }
    }
    window.addEventListener('message', receive);
    document.body.appendChild(frame);
  }

  Okra.buildWithOptions = function (options) {
    open(Okra.baseUrl + '/?isIframe=true&withOptions=true', options, plain(options));
  };
  Okra.buildWithShortUrl = function (options) {
    const data = plain(options, {ref: options.short_url, withShortURL: true});
    delete data.short_url;
    open(Okra.baseUrl + '/?&withOptions=true&isIframe=true', options, data);
  };
  window.Okra = Okra;
})();
