type NumberArray = Uint8Array | Uint16Array | Int32Array | Float64Array;

/** A copy of numbers as a typed array over a SharedArrayBuffer. */
export function shared<T extends NumberArray>(
  type: { new (buffer: SharedArrayBuffer): T; BYTES_PER_ELEMENT: number },
  values: ArrayLike<number>,
): T {
  const array = new type(new SharedArrayBuffer(values.length * type.BYTES_PER_ELEMENT));
  array.set(values);
  return array;
}
