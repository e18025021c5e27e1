import Domain
import Logging
import TestKit
import Testing

@testable import Outbound

struct ProgramLogTests {
    @Test("the mask of secrets is made only for lines that are written")
    func maskOnDemand() {
        let lines = LogLines()
        var setup = ProgramSetup(name: "exec:test", command: [], greeting: [], version: 1)
        setup.limits.errorBytesPerMinute = 64 << 10
        let runtime = ManualRuntime()
        let log = ProgramLog(setup, runtime: runtime, logger: Logger(label: "test") { _ in lines })
        var masks = 0
        func say(_ count: Int) {
            for _ in 0..<count {
                log.say(Array("x".utf8)) {
                    masks += 1
                    return SecretMask()
                }
            }
        }
        say(10_000)
        #expect(masks == lines.all.count && masks == 64)
        runtime.advance(milliseconds: 60_000)
        say(1)
        #expect(masks == 65)
        #expect(lines.all.last?.contains("lines_left_out=9936") == true)
    }
}
