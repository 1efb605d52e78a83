//! What must not compile, and what the compiler says about it.

#[test]
fn the_two_transports_can_not_be_mixed() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
