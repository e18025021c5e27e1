import Domain

/// How a customer dresses the page. Nothing here can run, and nothing here can hide who asks for what.
public struct WidgetBranding: Sendable, Equatable {
    static let logoBytesMax = 64 * 1024
    static let textLengthMax = 200
    private static let logoKinds = ["png", "jpeg", "jpg", "svg+xml", "webp"]

    public var name: String?
    /// `#RGB` or `#RRGGBB`.
    public var color: String?
    /// `https:` or a picture as a `data:` URL.
    public var logo: String?
    /// `light`, `dark` or `auto`.
    public var mode = "auto"
    public var connectMessage: String?
    public var successTitle: String?
    public var successMessage: String?
    public var widgetSuccess: String?
    public var widgetFailed: String?
    public var continueText: String?

    init() {}

    init(_ reader: inout WidgetReader) {
        name = reader.decoration("name", "clientName", lengthMax: WidgetOptions.nameLengthMax)
        color = Self.color(&reader)
        logo = Self.logo(&reader)
        switch reader.decoration("mode", lengthMax: 20)?.lowercased() {
        case "light": mode = "light"
        case "dark": mode = "dark"
        case nil, "primary", "auto": break
        default: reader.ignore("mode")
        }
        connectMessage = reader.decoration("connectMessage", "connect_message", lengthMax: Self.textLengthMax)
        successTitle = reader.decoration("success_title", lengthMax: WidgetOptions.nameLengthMax)
        successMessage = reader.decoration("success_message", lengthMax: Self.textLengthMax)
        widgetSuccess = reader.decoration("widget_success", lengthMax: Self.textLengthMax)
        widgetFailed = reader.decoration("widget_failed", lengthMax: Self.textLengthMax)
        continueText = reader.decoration("continue_cta", lengthMax: 40)
    }

    private static func color(_ reader: inout WidgetReader) -> String? {
        guard let value = reader.take("color", "colour") else { return nil }
        guard let text = value.text, isColor(text) else {
            reader.ignore("color")
            return nil
        }
        return text.lowercased()
    }

    private static func isColor(_ text: String) -> Bool {
        let digits = text.utf8.dropFirst()
        return text.hasPrefix("#") && (digits.count == 3 || digits.count == 6)
            && digits.allSatisfy { (48...57).contains($0) || (65...70).contains($0) || (97...102).contains($0) }
    }

    private static func logo(_ reader: inout WidgetReader) -> String? {
        guard let value = reader.take("logo") else { return nil }
        guard let text = value.text, isLogo(text) else {
            reader.ignore("logo")
            return nil
        }
        return text
    }

    private static func isLogo(_ text: String) -> Bool {
        let bytes = text.utf8
        guard bytes.count <= logoBytesMax, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") })
        else { return false }
        if text.hasPrefix("https://") { return bytes.count <= 2048 && bytes.count > 11 }
        return logoKinds.contains { text.hasPrefix("data:image/\($0);") || text.hasPrefix("data:image/\($0),") }
    }
}
