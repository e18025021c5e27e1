import Domain

/// Fetches a window page by page. A window that cannot be had whole is an error: a short one would look like rows that
/// are gone.
enum PageWalker {
    /// - Parameter today: the environment's day.
    static func window(
        _ window: DayWindow, currency: Currency, today: LocalDate,
        _ page: (_ cursor: String?) async throws -> FetchPage
    ) async throws -> FetchedWindow {
        var reader = WindowReader(window, currency: currency, today: today)
        var cursor: String?
        repeat {
            cursor = try reader.take(try await page(cursor))
        } while cursor != nil
        return reader.result
    }
}
