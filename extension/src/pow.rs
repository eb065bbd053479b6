//! The one function of the C library's mathematics that is linked: the SDK's adaptive retry, which is switched off, would
//! call it. Having it here saves the dynamic linker a library, and each environment 330 KB of resident memory.

/// `x` to the power of `y`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "the name is the C library's, and so is what it means")]
extern "C" fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}
