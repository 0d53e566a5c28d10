//! The inverse transforms: RFC 6386, section 14.3 and 14.4, in 16 bits.
//!
//! Coefficients of a sound file do not overflow them; those of others wrap around.

/// Spreads the Y2 block to the first coefficients of the 16 luma blocks (section 14.3).
pub(super) fn inverse_walsh_hadamard(block: &[i16; 16]) -> [i16; 16] {
    let [r0, r1, r2, r3] = rows(block).map(|row| row.map(i32::from));
    let columns = butterflies([r0, r1, r2, r3]);
    let [c0, c1, c2, c3] = transposed(columns);
    let out = butterflies([c0.map(|dc| dc + 3), c1, c2, c3]);
    let mut firsts = [0; 16];
    for (to, from) in firsts.iter_mut().zip(transposed(out).as_flattened()) {
        *to = (from >> 3) as i16;
    }
    firsts
}

fn butterflies([r0, r1, r2, r3]: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
    let sum = |a: [i32; 4], b: [i32; 4]| lanes(a, b, i32::wrapping_add);
    let difference = |a: [i32; 4], b: [i32; 4]| lanes(a, b, i32::wrapping_sub);
    let (a0, a1) = (sum(r0, r3), sum(r1, r2));
    let (a2, a3) = (difference(r1, r2), difference(r0, r3));
    [
        sum(a0, a1),
        sum(a3, a2),
        difference(a0, a1),
        difference(a3, a2),
    ]
}

/// What a block adds to its prediction, row by row (section 14.4).
#[inline(always)]
pub(super) fn inverse_dct(block: &[i16; 16]) -> [i16; 16] {
    let columns = pass(rows(block));
    let [mut c0, c1, c2, c3] = transposed(columns);
    c0 = c0.map(|dc| dc.wrapping_add(4));
    let out = transposed(pass([c0, c1, c2, c3]));
    let mut residuals = [0; 16];
    for (to, from) in residuals.iter_mut().zip(out.as_flattened()) {
        *to = from >> 3;
    }
    residuals
}

/// What a block with its first coefficient only adds to every pixel of its prediction.
pub(super) fn inverse_dct_of_first(first: i16) -> i16 {
    first.wrapping_add(4) >> 3
}

#[inline(always)]
fn pass([r0, r1, r2, r3]: [[i16; 4]; 4]) -> [[i16; 4]; 4] {
    let sum = |a: [i16; 4], b: [i16; 4]| lanes(a, b, i16::wrapping_add);
    let difference = |a: [i16; 4], b: [i16; 4]| lanes(a, b, i16::wrapping_sub);
    let (a, b) = (sum(r0, r2), difference(r0, r2));
    let c = difference(r1.map(times_sine), r3.map(times_cosine));
    let d = sum(r1.map(times_cosine), r3.map(times_sine));
    [sum(a, d), sum(b, c), difference(b, c), difference(a, d)]
}

/// By the square root of 2 times the sine of an eighth of pi: 35468 / 65536.
#[inline(always)]
fn times_sine(x: i16) -> i16 {
    // The factor does not fit 16 bits, the factor less one does.
    x.wrapping_add(high(x, (35_468 - 65_536) as i16))
}

/// By the square root of 2 times the cosine of an eighth of pi: 1 + 20091 / 65536.
#[inline(always)]
fn times_cosine(x: i16) -> i16 {
    x.wrapping_add(high(x, 20_091))
}

#[inline(always)]
fn high(x: i16, factor: i16) -> i16 {
    ((i32::from(x) * i32::from(factor)) >> 16) as i16
}

#[inline(always)]
fn lanes<T: Copy>(a: [T; 4], b: [T; 4], f: impl Fn(T, T) -> T) -> [T; 4] {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a, b);
    [f(a0, b0), f(a1, b1), f(a2, b2), f(a3, b3)]
}

#[inline(always)]
fn rows(block: &[i16; 16]) -> [[i16; 4]; 4] {
    let [
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
        c0,
        c1,
        c2,
        c3,
        d0,
        d1,
        d2,
        d3,
    ] = *block;
    [
        [a0, a1, a2, a3],
        [b0, b1, b2, b3],
        [c0, c1, c2, c3],
        [d0, d1, d2, d3],
    ]
}

#[inline(always)]
fn transposed<T: Copy>([a, b, c, d]: [[T; 4]; 4]) -> [[T; 4]; 4] {
    [
        [a[0], b[0], c[0], d[0]],
        [a[1], b[1], c[1], d[1]],
        [a[2], b[2], c[2], d[2]],
        [a[3], b[3], c[3], d[3]],
    ]
}
