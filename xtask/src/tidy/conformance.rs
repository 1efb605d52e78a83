//! `docs/conformance.md`, `docs/broker.md` and `docs/services.md` name the test of each promise; a test that is not there is a lie.

/// The pages that are checked.
pub(super) const PAGES: [&str; 3] = ["docs/conformance.md", "docs/broker.md", "docs/services.md"];

/// Complaints about tests that the page names (`` test: `name` ``, several after commas) and that
/// no source file has.
pub(super) fn complaints(file: &str, page: &str, sources: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, line) in page.lines().enumerate() {
        for name in names(line) {
            let function = name.rsplit([':', ' ']).next().unwrap_or(name);
            if !sources.contains(&format!("fn {function}(")) {
                let number = index + 1;
                complaints.push(format!("{file}:{number}: there is no test {name}"));
            }
        }
    }
    complaints
}

/// The names between back-ticks that follow `test:` directly, or a name and a comma.
fn names(line: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for part in line.split("test:").skip(1) {
        let mut rest = part.trim_start();
        while let Some((name, after)) = rest.strip_prefix('`').and_then(|r| r.split_once('`')) {
            names.push(name);
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
    }
    names
}
