import { Module } from '@nestjs/common';
import { AddressChangesController } from './address-changes.controller.js';
import { AddressesController } from './addresses.controller.js';

@Module({ controllers: [AddressesController, AddressChangesController] })
export class AddressesModule {}
