/**
 * The fields of all OCPP schemas, by what of them may be recorded. A field that is in none of these lists is hidden, and with it
 * whatever a vendor adds. test/ocpp/redaction.test.ts holds the lists against the schemas: each field of a schema is in exactly one.
 */

/** Tags and tokens: their texts become pseudonyms, at any depth. */
export const TAG_FIELDS = names(`
  additionalIdToken groupIdToken idTag idToken idTokens parentIdTag prioritizedEMAIDs`);

/**
 * Hidden as a whole: passwords, keys, certificates, SIM cards, persons and their payments, and what has no known shape. A signed meter
 * value repeats the tag.
 */
export const HIDDEN_FIELDS = names(`
  address1 address2 apn apnPassword apnUserName basicAuthPassword certificate certificateChain city company content country csr
  customData customerIdentifier data digestValue evInverterSerialNumber exiRequest exiResponse extraInfo group iccid
  identity imsi ocspResult password personalMessage postalCode preferredNetwork
  priceScheduleSignature pspRef publicKey receiptId receiptUrl server signature signedMeterData signingCertificate
  simPin updatedPersonalMessage updatedPersonalMessageExtra user vatCompany vatNumber vendorInfo vpn`);

/** Values of variables and configuration keys: shown if the name of the variable is public, or if they are a measured number. */
export const VALUE_FIELDS = names('actualValue attributeValue v value valuesList');

/** Texts of any content that are shown. Of a URL only scheme and host are. */
export const SHOWN_TEXTS = names(`
  additionalInfo chargeBoxSerialNumber chargePointModel chargePointSerialNumber chargePointVendor chargingLimitSource
  checksum connectorType controlId currency customTrigger encodingMethod endTimeOfDay evInverterHwVersion
  evInverterManufacturer evInverterModel evInverterSwVersion failureReason fileName filename firmwareVersion id info
  instance iso15118SchemaVersion issuerKeyHash issuerNameHash key language language1 language2 location messageId
  meterSerialNumber meterType model name ocppCsmsUrl overstayRuleDescription paymentBrand paymentRecognition
  priceAlgorithm priceScheduleDescription reasonCode remoteLocation responderURL salesTariffDescription serialNumber
  serviceName signingMethod startTimeOfDay statusInfo supersededIds tariffId tariffIds taxRuleName techCode techInfo
  transactionId type unit unknownKey urls validFromDate validToDate vendorErrorCode vendorId vendorName`);

/** Numbers, words of enumerations, times, and the objects that hold other fields. */
export const SHOWN_FIELDS = names(`
  absolutePriceSchedule acChargingParameters action activate activated additionalSelectedServices alarmEnded
  allowedEnergyTransfer amount amountMultiplier apnAuthentication appliesToEnergyFee appliesToMinimumMaximumCost
  appliesToOverstayFee appliesToParkingFee attributeStatus attributeStatusInfo attributeType autonomousVRefEnable
  autonomousVRefTimeConstant availableEnergyTransfer basetime batteryData bulkSoC cableMaxCurrent cacheExpiryDateTime
  carbonDioxideEmission cause certificateHashData certificateHashDataChain certificateStatus certificateStatusRequests
  certificateType chargingLimit chargingNeeds chargingPeriods chargingPriority chargingProfile chargingProfileCriteria
  chargingProfileId chargingProfileKind chargingProfilePurpose chargingRateUnit chargingSchedule
  chargingSchedulePeriod chargingState chargingStation chargingTime childCertificateHashData clear
  clearMonitoringResult clearTariffsResult cleared component componentCriteria componentVariable conditions
  configurationKey configurationSlot connectionData connectorId connectorStatus constant constantStreamData
  consumptionCost context controlMode controlType cost costDetails costKind csChargingProfiles currentTime curve
  curveData curveType customerCertificate dataType dayOfWeek dcChargingParameters delay departureTime
  derChargingParameters description dimensions dischargeLimit dischargeLimit_L2 dischargeLimit_L3 displacement display
  duration dynUpdateInterval dynUpdateTime ePriceLevel endDateTime energy energyAmount energyFee enterService
  errorCode evAbsolutePriceSchedule evAbsolutePriceScheduleEntries evDurationLevel1DCInjection
  evDurationLevel2DCInjection evEnergyCapacity evEnergyOffer evIslandingDetectionMethod evIslandingTripTime
  evMaxCurrent evMaxEnergyRequest evMaxPower evMaxV2XEnergyRequest evMaxVoltage evMaximumLevel1DCInjection
  evMaximumLevel2DCInjection evMinCurrent evMinEnergyRequest evMinV2XEnergyRequest evOverExcitedMaxDischargePower
  evOverExcitedPowerFactor evPowerSchedule evPowerScheduleEntries evPriceRule evReactiveSusceptance
  evSessionTotalDischargeEnergyAvailable evSupportedDERControl evTargetEnergyRequest evUnderExcitedMaxDischargePower
  evUnderExcitedPowerFactor eventData eventId eventNotificationType eventType evse evseId evseIds evseKind evseSleep
  excitation exclTax expiryDate expiryDateTime exponent failureToCalculate firmware fixed fixedFee fixedPF
  fixedPFAbsorb fixedPFInject fixedVar format freqDroop frequency fullSoC generatedAt getVariableData
  getVariableResult gradient gridEventFault hashAlgorithm hashRootCertificate highFreq highVoltage
  hv10MinMeanTripDelay hv10MinMeanValue hysteresis hysteresisDelay hysteresisGradient hysteresisHigh hysteresisLow
  idTagInfo idTokenInfo idleTime inclTax installDateTime interval invalidAfterOfflineDuration isDefault isGridCritical
  isLocalGeneration isSuperseded iso15118CertificateHashData latestTimestamp limit limitAtSoC limitMaxDischarge
  limit_L2 limit_L3 listVersion localAuthorizationList log logType lowFreq lowVoltage maxApparentPower
  maxChargeApparentPower maxChargeApparentPower_L2 maxChargeApparentPower_L3 maxChargeCurrent maxChargePower
  maxChargePower_L2 maxChargePower_L3 maxChargeReactivePower maxChargeReactivePower_L2 maxChargeReactivePower_L3
  maxChargingTime maxCost maxCurrent maxDischargeApparentPower maxDischargeApparentPower_L2
  maxDischargeApparentPower_L3 maxDischargeCurrent maxDischargePower maxDischargePower_L2 maxDischargePower_L3
  maxDischargeReactivePower maxDischargeReactivePower_L2 maxDischargeReactivePower_L3 maxElements maxEnergy
  maxIdleTime maxLimit maxNominalVoltage maxOfflineDuration maxPower maxScheduleTuples maxSoC maxTime maxVoltage
  maximumContractCertificateChains maximumCost measurand message messageExtra messageInfo messageTimeout
  messagesInQueue meterStart meterStop meterValue minChargeCurrent minChargePower minChargePower_L2 minChargePower_L3
  minChargeReactivePower minChargeReactivePower_L2 minChargeReactivePower_L3 minChargingRate minChargingTime minCost
  minCurrent minDischargeCurrent minDischargePower minDischargePower_L2 minDischargePower_L3 minDischargeReactivePower
  minDischargeReactivePower_L2 minDischargeReactivePower_L3 minEnergy minIdleTime minLimit minNominalVoltage minPower
  minTime minVoltage minimumCost mobilityNeedsMode modem monitor monitoringBase monitoringCriteria multiplier
  mutability nextUpdate nominalVoltage nominalVoltageOffset numEPriceLevels numberOfPhasesUsed numberOfPriceLevels
  numberPhases ocppInterface ocppTransport ocppVersion ocspRequestData offline oldestTimestamp ongoingIndicator
  operationMode operationalStatus overDroop overFreq overstayFee overstayFeePeriod overstayPowerThreshold overstayRule
  overstayRuleList overstayTimeThreshold params parkingFee parkingFeePeriod pctMaxDischargePower pending
  periodicEventStream persistent phase phaseToUse power powerDuringCessation powerMonitoringMustTrip powerRangeStart
  powerTolerance powerToleranceAcceptance preconditioningRequest preconditioningStatus priceFixed priceKwh priceLevel
  priceLevelSchedule priceLevelScheduleEntries priceMinute priceRule priceRuleStacks priceScheduleID priceScheduleId
  prices priority productionDate rampRate randomDelay randomizedDelay reactivePowerParams readonly reason
  recurrencyKind relativeTimeInterval remainingContracts remoteStartId renewableGenerationPercentage report reportBase
  reportData requestId requestedEnergyTransfer requestedMessage reservationFixed reservationId reservationTime
  reservationUpdateStatus responseTime retries retrieveDate retrieveDateTime retryInterval salesTariff
  salesTariffEntry sampledValue schedule scheduleStart scheduleUpdate securityProfile selectedChargingScheduleId seqNo
  serviceFee setMonitoringData setMonitoringResult setVariableData setVariableResult setpoint setpointReactive
  setpointReactive_L2 setpointReactive_L3 setpoint_L2 setpoint_L3 settlementAmount settlementTime severity signal
  signatureId signedMeterValue soC soH soc softGradient source stack stackLevel start startDateTime startPeriod
  startSchedule startTime startValue started state stateOfCharge status stopTime stoppedReason supportsMonitoring t
  targetSoC tariff tariffAssignments tariffKind tax taxIncludedInPrice taxRate taxRates taxRuleID taxRules tbc
  timeAnchor timeBase timeSpentCharging timeout timestamp total totalCost totalUsage transaction transactionData
  transactionInfo transactionLimit trigger triggerReason typeOfCost underDroop underFreq unitOfMeasure updateType
  useLocalTime useOnlyPreferredNetwork v2xBaseline v2xChargingParameters v2xFreqWattCurve v2xSignalWattCurve vRef
  validFrom validTo values variable variableAttribute variableCharacteristics variableMonitoring variableMonitoringId
  versionNumber voltageParams volume x y yUnit`);

function names(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
