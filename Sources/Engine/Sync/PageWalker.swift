import Connectors
import Domain

/// Fetches a window whole, page by page. A window that cannot be had whole is an error: a short one would look like
/// rows that are gone.
enum PageWalker {
    private static let pagesMax = 200
    private static let rowsMax = 20_000

    static func rows(_ page: (_ cursor: String?) async throws -> FetchPage) async throws -> [FetchedTransaction] {
        var rows: [FetchedTransaction] = []
        var cursor: String?
        for _ in 0..<pagesMax {
            let page = try await page(cursor)
            rows += page.rows
            guard rows.count <= rowsMax else {
                throw ConnectorError(.protocolViolation, "The bank gave more rows than a window can hold.")
            }
            guard let next = page.nextCursor else { return rows }
            // A cursor that does not move would loop for ever.
            guard next != cursor else { throw ConnectorError(.protocolViolation, "The bank repeats a page.") }
            cursor = next
        }
        throw ConnectorError(.protocolViolation, "The bank's pages do not end.")
    }
}
