export {};

declare global {
  /**
   * The part of WebAssembly that is used here. Node has it all, but TypeScript declares it only together with the
   * browser's document, which the server must not see.
   */
  namespace WebAssembly {
    class Memory {
      readonly buffer: ArrayBuffer;
    }
    class Module {
      /** Tells a module from any other object. */
      private readonly compiled: true;
    }
    class Instance {
      constructor(module: Module, imports: Record<string, object>);
      readonly exports: Readonly<Record<string, unknown>>;
    }
    function compile(bytes: Uint8Array): Promise<Module>;
  }
}
