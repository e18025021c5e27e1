extension ShopPage {
    static let css = #"""
        :root {
          --paper: #f4f6f5; --card: #fff; --ink: #14211c; --soft: #52615b; --line: #d8dfdc; --brand: #0b6b4f;
          --on-brand: #fff; --brand-deep: #084f3a; --good: #0b6b4f; --good-paper: #e3f4ec; --wait-paper: #fdf3dc;
          --bad: #a3161c; --bad-paper: #fdeaea; --code: #f0f3f2; --focus: #0b57d0; --round: 14px;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #0e1512; --card: #17201c; --ink: #e8efec; --soft: #a5b4ad; --line: #2c3934; --brand: #4fc79b;
            --on-brand: #06251a; --brand-deep: #7adbb7; --good: #6fd9b1; --good-paper: #11342a;
            --wait-paper: #3b331d; --bad: #ff9d9d; --bad-paper: #3b1c1d; --code: #101815; --focus: #8ab4f8;
          }
        }
        @media (prefers-color-scheme: dark) { .picture { stroke: #e7a765 !important; } }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body {
          margin: 0 auto; max-width: 1240px; padding: 16px; background: var(--paper); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
        }
        .skip { position: absolute; left: -999px; padding: 8px 12px; background: var(--card); color: var(--ink); }
        .skip:focus { left: 16px; z-index: 2; }
        header { display: flex; align-items: center; gap: 12px; margin-bottom: 16px; flex-wrap: wrap; }
        header > div:nth-child(2) { flex: 1; min-width: 200px; }
        h1 { margin: 0; font-size: 22px; line-height: 1.2; }
        header p { margin: 2px 0 0; color: var(--soft); font-size: 14px; }
        .mark {
          width: 44px; height: 44px; padding: 8px; border-radius: 12px; background: var(--brand); fill: none;
          stroke: var(--on-brand); stroke-width: 2; stroke-linejoin: round;
        }
        #live {
          margin: 0; padding: 4px 12px; border: 1px solid var(--line); border-radius: 99px; background: var(--card);
          font-size: 13px;
        }
        #live::before {
          content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%;
          background: var(--bad);
        }
        #live[data-state="on"]::before { background: var(--good); }
        main { display: grid; gap: 16px; }
        .till { display: grid; gap: 16px; align-content: start; }
        .card {
          position: relative; min-width: 0; padding: 20px; border: 1px solid var(--line);
          border-radius: var(--round); background: var(--card);
        }
        .card > p { margin: 0 0 14px; }
        h2 { margin: 0 0 6px; padding-right: 36px; font-size: 17px; line-height: 1.3; }
        .card > .step {
          position: absolute; top: 18px; right: 18px; width: 26px; height: 26px; margin: 0; border-radius: 50%;
          border: 1px solid var(--line); color: var(--soft); font-size: 13px; line-height: 24px; text-align: center;
        }
        .quiet { color: var(--soft); font-size: 14px; }
        .card > .quiet:last-child { margin: 12px 0 0; }
        button {
          width: 100%; min-height: 46px; padding: 10px 16px; border: 1px solid transparent; border-radius: 10px;
          background: var(--brand); color: var(--on-brand); font: inherit; font-weight: 600; cursor: pointer;
        }
        button:hover:enabled { background: var(--brand-deep); }
        button.plain { border-color: var(--soft); background: transparent; color: var(--ink); }
        button.plain:hover:enabled { background: var(--code); }
        button:disabled { border-color: var(--line); background: var(--code); color: var(--soft); cursor: default; }
        :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
        .buttons { display: grid; gap: 10px; }
        @media (min-width: 480px) {
          .buttons { grid-template-columns: 1fr 1fr; }
          #send-less { grid-column: span 2; }
        }
        label { display: block; margin-bottom: 4px; font-size: 14px; color: var(--soft); }
        select {
          width: 100%; min-height: 46px; margin-bottom: 12px; padding: 8px 12px; border: 1px solid var(--soft);
          border-radius: 10px; background: var(--card); color: var(--ink); font: inherit;
        }
        .item { display: flex; align-items: center; gap: 14px; margin: 8px 0 16px; }
        .item > span:nth-child(2) { flex: 1; }
        .item small { display: block; color: var(--soft); }
        .item strong { font-size: 20px; }
        .picture {
          width: 52px; height: 52px; padding: 8px; border-radius: 12px; background: var(--wait-paper); fill: none;
          stroke: #8a4b12; stroke-width: 1.6; stroke-linejoin: round;
        }
        .cloth { stroke: #c1681c; stroke-width: 1.2; }
        #cancel { margin-top: 10px; }
        #order:not([data-state="none"]) { margin-bottom: 16px; padding: 16px; border-radius: 10px; }
        #order[data-state="waiting"] { background: var(--wait-paper); }
        #order[data-state="paid"] { background: var(--good-paper); color: var(--good); }
        #order p { margin: 0; }
        .verdict { font-size: clamp(19px, 5.2vw, 22px); font-weight: 700; line-height: 1.3; }
        #order .quiet { margin-top: 2px; color: inherit; overflow-wrap: anywhere; }
        #order[data-state="waiting"] .verdict::before {
          content: ""; display: inline-block; width: 18px; height: 18px; margin-right: 10px; vertical-align: -2px;
          border: 3px solid var(--line); border-top-color: var(--brand); border-radius: 50%;
          animation: turn 1s linear infinite;
        }
        #order[data-state="paid"] .verdict::before { content: "✓ "; }
        #order .took { margin-top: 8px; font-size: 15px; }
        .took b { font-size: 20px; }
        @keyframes turn { to { transform: rotate(1turn); } }
        @media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
        .problem {
          display: flex; gap: 12px; align-items: center; margin: 0 0 16px; padding: 12px 16px; flex-wrap: wrap;
          border: 1px solid var(--bad); border-radius: var(--round); background: var(--bad-paper);
        }
        .problem p { flex: 1; min-width: 220px; margin: 0; overflow-wrap: anywhere; }
        .problem button { width: auto; }
        .count {
          display: inline-block; min-width: 28px; padding: 1px 8px; border-radius: 99px; background: var(--code);
          font-size: 13px; text-align: center;
        }
        .inbox { display: flex; flex-direction: column; }
        .inbox ol { margin: 0; padding: 0; list-style: none; overflow: auto; max-height: 70vh; }
        .inbox li { border-top: 1px solid var(--line); }
        .inbox summary {
          display: grid; grid-template-columns: 18px minmax(0, 1fr) auto; gap: 0 10px; padding: 9px 4px;
          cursor: pointer; list-style: none;
        }
        .inbox summary::-webkit-details-marker { display: none; }
        .inbox summary:hover { background: var(--code); }
        .inbox .sign { color: var(--good); font-weight: 700; }
        .inbox .name { font-weight: 600; overflow-wrap: anywhere; }
        .inbox .when { color: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
        .inbox .more { grid-column: 2 / 4; color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
        .inbox li[data-verified="false"] summary { background: var(--bad-paper); }
        .inbox li[data-verified="false"] :is(.sign, .name, .more) { color: var(--bad); }
        .inbox li.fresh { animation: fresh 1.6s ease-out; }
        @keyframes fresh { from { background: var(--good-paper); } }
        pre {
          margin: 0 0 10px; padding: 12px; border-radius: 10px; background: var(--code); font-size: 12.5px;
          line-height: 1.45; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 360px; overflow: auto;
        }
        .empty { padding: 28px 12px; border: 1px dashed var(--line); border-radius: 10px; text-align: center; }
        code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
        footer { margin: 20px 0 8px; color: var(--soft); font-size: 13px; text-align: center; }
        a { color: var(--brand); }
        @media (min-width: 960px) {
          body { padding: 28px 24px; }
          main { grid-template-columns: minmax(0, 1fr) minmax(0, 1.05fr); }
          .inbox { position: sticky; top: 16px; max-height: calc(100vh - 32px); align-self: start; }
          .inbox ol { max-height: none; flex: 1; }
        }
        """#
}
