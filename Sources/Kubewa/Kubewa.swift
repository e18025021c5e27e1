import ArgumentParser
@main struct Kubewa: ParsableCommand {}
