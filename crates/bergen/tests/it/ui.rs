//! What the macros accept and what they refuse, with their very words.

#[test]
fn correct_uses_run_and_wrong_ones_say_what_to_do() {
    // Together, so that the crates below are built once.
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/correct/*/*.rs");
    cases.compile_fail("tests/ui/incorrect/*/*.rs");
}
