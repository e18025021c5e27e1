import Foundation
import Shop

/// The shop as a program of its own; `kubewa shop` runs the very same.
@main
struct ShopServer {
    static func main() async {
        do {
            let settings = try ShopSettings(ProcessInfo.processInfo.environment)
            try await ShopApp(settings: settings, say: say).run()
        } catch {
            FileHandle.standardError.write(Data("shop: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}
