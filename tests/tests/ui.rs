//! Misuse is a compile error at the right token, with the mend in it. One case a mistake, in `ui/`.

#[test]
fn mistakes_are_told_when_the_program_is_compiled() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
