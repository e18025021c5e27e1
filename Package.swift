// swift-tools-version:6.2
import PackageDescription

let hummingbird: Package.Dependency = .package(
    url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []
)

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
    .product(name: "NIOTLS", package: "swift-nio"),
]
let http: [Target.Dependency] = [
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
]
/// For the servers that tests play.
let sockets: [Target.Dependency] = [
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
]
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

/// One table of targets: what a file may import shows where it stands (ARCHITECTURE.md).
let package = Package(
    name: "kubewa",
    products: [
        .executable(name: "kubewa", targets: ["Kubewa"]),
        .library(name: "KubewaParts", targets: ["Domain", "Storage", "Outbound", "Connectors", "Engine", "Web"]),
        .library(name: "KubewaTestKit", targets: ["TestKit"]),
        // For those who receive webhooks; it needs nothing else of this package.
        .library(name: "KubewaWebhooks", targets: ["KubewaWebhooks"]),
    ],
    dependencies: [
        hummingbird,
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CSQLite"),
        .systemLibrary(name: "CPostgres"),
        .systemLibrary(name: "CZlib"),
        .target(name: "CProcess"),
        .target(name: "Domain"),
        .target(name: "Storage", dependencies: ["Domain", "CSQLite", "CPostgres", crypto, logging]),
        .target(
            name: "Outbound",
            dependencies: [
                "Domain", "CProcess", .product(name: "AsyncHTTPClient", package: "async-http-client"), logging,
            ] + nio),
        .target(name: "Connectors", dependencies: ["Domain", "CZlib", crypto]),
        .target(name: "Engine", dependencies: ["Domain", "Storage", "Connectors", lifecycle, crypto, logging]),
        .target(
            name: "Web", dependencies: ["Domain", "Engine", "CZlib", crypto, lifecycle, logging] + http,
            // The sources of what Link/Assets holds.
            exclude: ["Link/page"]),
        .target(name: "KubewaWebhooks", dependencies: [crypto]),
        // The demo's customer, which is a package of its own and knows nothing of the other targets.
        .target(
            name: "Shop",
            dependencies: [
                .product(name: "AsyncHTTPClient", package: "async-http-client"), crypto, logging,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Examples/shop/Sources/Shop"),
        .executableTarget(
            name: "Kubewa",
            dependencies: [
                "Domain", "Storage", "Outbound", "Connectors", "Engine", "Web", "Shop", lifecycle, logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"), crypto,
            ] + http),
        .target(
            name: "TestKit",
            dependencies: ["Domain", "Storage", "Outbound", "Connectors", "Engine", logging] + nio),
        .testTarget(name: "DomainTests", dependencies: ["Domain", "TestKit"]),
        .testTarget(name: "StorageTests", dependencies: ["Storage", "TestKit"]),
        .testTarget(name: "OutboundTests", dependencies: ["Domain", "Outbound", "TestKit", logging] + nio),
        .testTarget(
            name: "ConnectorTests", dependencies: ["Connectors", "Outbound", "TestKit", logging] + nio,
            exclude: ["Fixtures"]),
        .testTarget(name: "EngineTests", dependencies: ["Connectors", "Engine", "TestKit"]),
        .testTarget(
            name: "WebTests",
            dependencies: [
                "Web", "TestKit", lifecycle, logging, .product(name: "HummingbirdTesting", package: "hummingbird"),
            ],
            exclude: ["Golden"]),
        .testTarget(name: "ShopTests", dependencies: ["Shop", crypto]),
        .testTarget(name: "KubewaWebhooksTests", dependencies: ["KubewaWebhooks", crypto]),
        .testTarget(name: "TidyTests", dependencies: ["Domain", "Web", "TestKit"]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .treatAllWarnings(as: .error),
        ]
}
