/// How one CSV is written: which profile fits, and where everything stands.
struct CSVLayout: Sendable {
    let profile: CSVProfile
    let delimiter: UInt8
    /// The place of each column that the file has.
    let columns: [CSVProfile.Column: Int]
    /// Where the headings stand, by the line at which their record begins.
    let headingLine: Int
    let headings: [String]
    /// The byte before decimals.
    var decimal = UInt8(ascii: ".")
    var before = CSVPreamble()
    /// What the headings of amounts name, as `Debit(USD)` does.
    var currency: String?
}

/// What stands before the headings, as it is written.
struct CSVPreamble: Sendable {
    private(set) var values: [CSVProfile.Label: [UInt8]] = [:]

    init() {}

    /// Labels stand in a cell of their own with the value in a later one, or before a colon in the same one.
    init(_ records: some Sequence<CSVRecord>, _ labels: [CSVProfile.Label: [String]]) {
        for record in records {
            for index in 0..<record.count where !record[index].isEmpty { read(record, index, labels) }
        }
    }

    /// The dates of the period, the first and the last.
    var period: (from: CSVDate, to: CSVDate)? {
        if let text = values[.period] {
            let dates = CSVDate.all(in: text[...])
            if let from = dates.first, let to = dates.dropFirst().first { return (from, to) }
        }
        guard let from = date(.from), let to = date(.to) else { return nil }
        return (from, to)
    }

    /// Letters and digits of a value; nil when there is none.
    func text(_ label: CSVProfile.Label) -> String? {
        guard let bytes = values[label] else { return nil }
        return StatementText.some(StatementText.squeezed(StatementText.decode(bytes).text))
    }

    private func date(_ label: CSVProfile.Label) -> CSVDate? {
        values[label].flatMap { CSVDate.all(in: $0[...]).first }
    }

    private mutating func read(_ record: CSVRecord, _ index: Int, _ labels: [CSVProfile.Label: [String]]) {
        let cell = record[index]
        let colon = cell.firstIndex(of: UInt8(ascii: ":"))
        let name = CSVHeading.plain(colon.map { cell[..<$0] } ?? cell)
        guard !name.isEmpty else { return }
        var value = colon.map { cell[($0 + 1)...].drop { $0 == 32 } } ?? []
        for label in CSVProfile.Label.allCases where values[label] == nil {
            guard labels[label]?.contains(name) == true else { continue }
            if value.isEmpty {
                let next = (index + 1..<max(index + 1, record.count)).first { !record[$0].isEmpty }
                value = next.map { record[$0] } ?? []
                if label == .period, let next {
                    value = (value + [32] + record[next + 1] + [32] + record[next + 2])[...]
                }
            }
            if !value.isEmpty { values[label] = Array(value) }
        }
    }
}

/// Finds out which profile fits the beginning of a CSV.
struct CSVDetector {
    /// Bytes in which the headings must stand.
    static let headBytes = 64 << 10
    private static let recordsMax = 200
    private static let delimiters: [UInt8] = [",", ";", "\t", "|"].map { UInt8(ascii: $0) }

    let profiles: [CSVProfile]
    let limits: StatementLimits

    /// - Parameter isWhole: the head is all of the file.
    /// - Throws: `no_profile`, or `unknown_format` for a text that is no table.
    func detect(_ head: [UInt8], isWhole: Bool) throws(StatementError) -> CSVLayout {
        var best: (rank: Int, layout: CSVLayout)?
        var isTable = false
        for delimiter in Self.delimiters {
            let records = records(head, delimiter, isWhole)
            isTable = isTable || records.contains { $0.count > 2 }
            for profile in profiles where profile.delimiter == nil || profile.delimiter == delimiter {
                guard let (rank, layout) = fit(profile, records, delimiter), rank > best?.rank ?? 0 else { continue }
                best = (rank, layout)
            }
        }
        if let best { return best.layout }
        guard isTable else {
            throw StatementError(
                .unknownFormat,
                "This text is no statement. Export it as CSV, OFX, MT940 or CAMT, and upload that.")
        }
        throw StatementError(
            .noProfile,
            "The headings of this CSV are not known: there must be a line with names of columns, among them a date "
                + "and an amount or debits and credits. "
                + "Export it again with headings, or ask for a profile of your bank.")
    }

    private func records(_ head: [UInt8], _ delimiter: UInt8, _ isWhole: Bool) -> [CSVRecord] {
        var found: [CSVRecord] = []
        var records = CSVRecords(delimiter: delimiter, bytesMax: limits.fieldBytesMax)
        do throws(StatementError) {
            try head.asPiece { bytes throws(StatementError) in
                try records.feed(bytes) { record throws(StatementError) in found.append(record) }
            }
            if isWhole { try records.finish { record throws(StatementError) in found.append(record) } }
        } catch {
            // Cut by this delimiter it is no CSV; what came before may still tell.
        }
        return found
    }

    private func fit(
        _ profile: CSVProfile, _ records: [CSVRecord], _ delimiter: UInt8
    ) -> (rank: Int, layout: CSVLayout)? {
        for (index, record) in records.prefix(Self.recordsMax).enumerated() where record.count > 1 {
            let headings = (0..<record.count).map { CSVHeading.plain(record[$0]) }
            let codes = (0..<record.count).map { CSVCurrency.behind(heading: record[$0]) }
            guard let columns = columns(profile, headings, codes) else { continue }
            guard isNamed(profile, records[...index]) else { return nil }
            let rows = records[(index + 1)...]
            guard tellsDirection(profile, columns, rows) else { return nil }
            var layout = CSVLayout(
                profile: profile, delimiter: delimiter, columns: columns, headingLine: record.line, headings: headings)
            layout.before = CSVPreamble(records[..<index], profile.labels)
            layout.decimal = decimal(profile, columns, rows)
            layout.currency = [.amount, .debit, .credit].lazy.compactMap { columns[$0].flatMap { codes[$0] } }.first
            // Words that say debit or credit are surer than a column that may be a sign or a kind of payment.
            let sureness = (profile.isGeneral ? 0 : 1000) + (columns[.direction] == nil ? 0 : 100)
            return (sureness + columns.count, layout)
        }
        return nil
    }

    /// - Parameter codes: the currency that each heading ends with; it is no part of the name.
    private func columns(
        _ profile: CSVProfile, _ headings: [String], _ codes: [String?]
    ) -> [CSVProfile.Column: Int]? {
        func isNamed(_ index: Int, _ wanted: String) -> Bool {
            headings[index] == wanted || codes[index].map { headings[index] == wanted + $0.lowercased() } == true
        }
        var columns: [CSVProfile.Column: Int] = [:]
        var taken: Set<Int> = []
        for column in CSVProfile.Column.allCases {
            for wanted in profile.columns[column] ?? [] {
                guard let index = headings.indices.first(where: { isNamed($0, wanted) && !taken.contains($0) })
                else {
                    continue
                }
                columns[column] = index
                taken.insert(index)
                break
            }
        }
        let hasPair = columns[.debit] != nil && columns[.credit] != nil
        guard hasPair || columns[.amount] != nil, profile.required.allSatisfy({ columns[$0] != nil }) else {
            return nil
        }
        return columns
    }

    private func isNamed(_ profile: CSVProfile, _ records: ArraySlice<CSVRecord>) -> Bool {
        guard !profile.words.isEmpty else { return true }
        return records.contains { record in
            let plain = CSVHeading.plain(record.bytes)
            return profile.words.contains { plain.contains($0) }
        }
    }

    /// A column `type` may say what kind of payment it is instead of debit or credit.
    private func tellsDirection(
        _ profile: CSVProfile, _ columns: [CSVProfile.Column: Int], _ rows: ArraySlice<CSVRecord>
    ) -> Bool {
        guard let index = columns[.direction] else { return true }
        let words = rows.prefix(50).map { $0[index] }.filter { !$0.isEmpty }.map {
            String(decoding: $0, as: UTF8.self).lowercased()
        }
        let known = words.count { profile.debitWords.contains($0) || profile.creditWords.contains($0) }
        return known * 2 > words.count || words.isEmpty
    }

    private func decimal(
        _ profile: CSVProfile, _ columns: [CSVProfile.Column: Int], _ rows: ArraySlice<CSVRecord>
    ) -> UInt8 {
        switch profile.decimal {
        case .point: return UInt8(ascii: ".")
        case .comma: return UInt8(ascii: ",")
        case .detect:
            let places = [CSVProfile.Column.debit, .credit, .amount, .balance].compactMap { columns[$0] }
            var (points, commas) = (0, 0)
            for row in rows {
                for place in places {
                    guard let mark = CSVNumber.decimalMark(row[place]) else { continue }
                    if mark == UInt8(ascii: ".") { points += 1 } else { commas += 1 }
                }
            }
            return commas > points ? UInt8(ascii: ",") : UInt8(ascii: ".")
        }
    }
}
